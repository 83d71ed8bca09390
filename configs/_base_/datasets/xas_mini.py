# XaS-Mini, the free benchmark, as unlabelled target pictures; painted
# synthetic pairs beside them. docs/xas_mini.md describes the benchmark.
_base_ = ['./human36m_18.py', './studio.py']

# Where the data lie; XAS_MINI_ROOT and XAS_SYNTHETIC_ROOT say it, too.
data_root = '{{$XAS_MINI_ROOT:data/xas_mini}}'
synthetic_root = '{{$XAS_SYNTHETIC_ROOT:data/synthetic}}'

# As in xas_h36m.py: 'root' or 'mask'.
crop_rule = '{{$XAS_CROP_RULE:root}}'

# What the detector has to know of people.
head = dict(metainfo=_base_.dataset_info)
midpoints = [('left_shoulder', 'right_shoulder', 'thorax'),
             ('left_hip', 'right_hip', 'root')]

load = [*_base_.load, dict(type='GetCubeBox', rule=crop_rule)]
train_pipeline = [*load, *_base_.augment, *_base_.finish]
test_pipeline = [*load, *_base_.crop, *_base_.finish]

target = dict(
    type='XasHuman36mDataset',
    data_root=data_root,
    **_base_.layout,
    command=f'python tools/make_xas_mini.py --out {data_root}')
target_train = dict(
    **target,
    ann_file=_base_.train_file,
    # No joint of a training picture leaves the data set.
    carry_labels=False,
    carry_root=crop_rule == 'root')
synthetic_train = dict(
    _base_.synthetic_train,
    data_root=synthetic_root,
    command=f'python tools/synthesize.py --num 5000 --out {synthetic_root}')

train_dataloader = dict(
    dataset=dict(
        metainfo=_base_.dataset_info,
        datasets=[target_train, synthetic_train],
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        **target,
        ann_file=_base_.test_file,
        carry_labels=True,
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
