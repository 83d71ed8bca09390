# Human3.6M as unlabelled target pictures, synthetic pairs beside them. Every
# 5th frame is trained and tested on: docs/protocols.md has other splits.
_base_ = ['./human36m_18.py']

# Where the data lie; XAS_H36M_ROOT and XAS_SYNTHETIC_ROOT say it, too.
data_root = '{{$XAS_H36M_ROOT:data/h36m}}'
synthetic_root = '{{$XAS_SYNTHETIC_ROOT:data/synthetic}}'

# 'root': the annotated root places the crop, the paper's protocol.
# 'mask': the mask does, and no annotation of a target picture is read.
crop_rule = '{{$XAS_CROP_RULE:root}}'
input_size = (256, 256)

load = [
    dict(type='LoadImage'),
    dict(type='LoadMask'),
    dict(type='GetCubeBox', rule=crop_rule),
]
finish = [
    dict(type='RemoveBackground'),
    dict(type='NormaliseKeypoints3D'),
    dict(type='PackXasInputs'),
]
# The paper augments nothing, so all probabilities are 0: docs/training.md
# says how to switch each on.
train_pipeline = [
    *load,
    dict(type='RandomFlipPose3D', prob=0.0),
    dict(
        type='RandomCubeTransform',
        shift_prob=0.0,
        scale_prob=0.0,
        rotate_prob=0.0),
    dict(type='CubeAffine', input_size=input_size),
    dict(
        type='RandomApply',
        transforms=[dict(type='PhotometricDistortion')],
        prob=0.0),
    *finish,
]
test_pipeline = [
    *load,
    dict(type='CubeAffine', input_size=input_size),
    *finish,
]

target_train = dict(
    type='XasHuman36mDataset',
    data_root=data_root,
    ann_file='annotation_body3d/fps10/h36m_train.npz',
    camera_param_file='annotation_body3d/cameras.pkl',
    data_prefix=dict(img='images', mask='masks'),
    # No joint of a training picture leaves the data set.
    carry_labels=False,
    carry_root=crop_rule == 'root')
synthetic_train = dict(
    type='SyntheticPairDataset',
    data_root=synthetic_root,
    ann_file='annotations.json',
    command='python tools/synthesize.py --num 20000 --image-size 320 --out '
    f'{synthetic_root}')

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='PairedSourceSampler', samples_per_source=[32, 32]),
    batch_sampler=dict(type='PairedBatchSampler'),
    dataset=dict(
        type='XasCombinedDataset',
        metainfo={{_base_.dataset_info}},
        datasets=[target_train, synthetic_train],
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='XasHuman36mDataset',
        data_root=data_root,
        ann_file='annotation_body3d/fps10/h36m_test.npz',
        camera_param_file='annotation_body3d/cameras.pkl',
        data_prefix=dict(img='images', mask='masks'),
        carry_labels=True,
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='MultiHypothesisMPJPE',
    hypothesis_rules=('top1', 'oracle'),
    per_action=True)
test_evaluator = val_evaluator
