# XaS-Mini, the free benchmark, as unlabelled target pictures; painted
# synthetic pairs beside them. docs/xas_mini.md describes the benchmark.
_base_ = ['./human36m_18.py']

# Where the data lie; XAS_MINI_ROOT and XAS_SYNTHETIC_ROOT say it, too.
data_root = '{{$XAS_MINI_ROOT:data/xas_mini}}'
synthetic_root = '{{$XAS_SYNTHETIC_ROOT:data/synthetic}}'

# As in xas_h36m.py: 'root' or 'mask'.
crop_rule = '{{$XAS_CROP_RULE:root}}'
input_size = (128, 128)

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
# Each has a probability: docs/training.md says how to switch it.
train_pipeline = [
    *load,
    dict(type='RandomFlipPose3D', prob=0.5),
    dict(
        type='RandomCubeTransform',
        shift_prob=1.0,
        scale_prob=1.0,
        rotate_factor=15.0,
        rotate_prob=0.5),
    dict(type='CubeAffine', input_size=input_size),
    dict(
        type='RandomApply',
        transforms=[dict(type='PhotometricDistortion')],
        prob=1.0),
    *finish,
]
test_pipeline = [
    *load,
    dict(type='CubeAffine', input_size=input_size),
    *finish,
]

target = dict(
    type='XasHuman36mDataset',
    data_root=data_root,
    camera_param_file='annotation_body3d/cameras.pkl',
    data_prefix=dict(img='images', mask='masks'),
    command=f'python tools/make_xas_mini.py --out {data_root}')
target_train = dict(
    **target,
    ann_file='annotation_body3d/fps10/h36m_train.npz',
    # No joint of a training picture leaves the data set.
    carry_labels=False,
    carry_root=crop_rule == 'root')
synthetic_train = dict(
    type='SyntheticPairDataset',
    data_root=synthetic_root,
    ann_file='annotations.json',
    # The others tell how well the training does without a domain gap.
    split='train',
    heldout_fraction=0.04,
    command=f'python tools/synthesize.py --num 5000 --out {synthetic_root}')

train_dataloader = dict(
    batch_size=18,
    # On two cores a loading process only gets in the network's way.
    num_workers=0,
    # An epoch shows every labelled pair once.
    sampler=dict(
        type='PairedSourceSampler',
        samples_per_source=[2, 16],
        epoch_source=1),
    batch_sampler=dict(type='PairedBatchSampler'),
    dataset=dict(
        type='XasCombinedDataset',
        metainfo={{_base_.dataset_info}},
        datasets=[target_train, synthetic_train],
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=40,
    num_workers=0,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        **target,
        ann_file='annotation_body3d/fps10/h36m_test.npz',
        carry_labels=True,
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='MultiHypothesisMPJPE',
    hypothesis_rules=('top1', 'oracle', 'oracle-joint'))
test_evaluator = val_evaluator
