# Two sets of rendered people: one with its labels, and one that stands in
# for real pictures, of which the training sees image and mask only.
_base_ = ['./human36m_18.py']

# Where the data lie; XAS_MINI_ROOT says it, too.
data_root = '{{$XAS_MINI_ROOT:data/xas_mini}}'

synthetic_command = ('python tools/synthesize.py --num 5000 --seed 0 --out '
                     f'{data_root}/synthetic')
target_command = ('python tools/synthesize.py --num 800 --seed 1 --out '
                  f'{data_root}/target')

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
train_pipeline = [
    *load,
    dict(type='RandomFlipPose3D', prob=0.5),
    dict(type='RandomCubeTransform', rotate_factor=15.0),
    dict(type='CubeAffine', input_size=input_size),
    dict(type='PhotometricDistortion'),
    *finish,
]
test_pipeline = [
    *load,
    dict(type='CubeAffine', input_size=input_size),
    *finish,
]

target_train = dict(
    type='SyntheticPairDataset',
    data_root=data_root,
    ann_file='target/annotations.json',
    data_prefix=dict(img='target', mask='target'),
    split='train',
    heldout_fraction=0.25,
    # No joint of a target picture leaves the data set.
    domain='target',
    command=target_command,
    carry_root=crop_rule == 'root')
synthetic_train = dict(
    type='SyntheticPairDataset',
    data_root=data_root,
    ann_file='synthetic/annotations.json',
    data_prefix=dict(img='synthetic', mask='synthetic'),
    command=synthetic_command)

train_dataloader = dict(
    batch_size=18,
    # On two cores a loading process only gets in the network's way.
    num_workers=0,
    sampler=dict(type='PairedSourceSampler', samples_per_source=[2, 16]),
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
        type='SyntheticPairDataset',
        data_root=data_root,
        ann_file='target/annotations.json',
        data_prefix=dict(img='target', mask='target'),
        split='heldout',
        heldout_fraction=0.25,
        domain='target',
        carry_labels=True,
        command=target_command,
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='MultiHypothesisMPJPE',
    hypothesis_rules=('top1', 'oracle', 'oracle-joint'))
test_evaluator = val_evaluator
