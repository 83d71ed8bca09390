# XaS-Zoo-Mini, the free benchmark of animals, as unlabelled target pictures;
# painted synthetic pairs of other species beside them.
# docs/xas_zoo_mini.md describes the benchmark.
_base_ = ['./animal3d_26.py', './studio.py']

# Where the data lie; XAS_ZOO_MINI_ROOT and XAS_SYNTHETIC_QUADRUPEDS_ROOT say
# it, too.
data_root = '{{$XAS_ZOO_MINI_ROOT:data/xas_zoo_mini}}'
synthetic_root = \
    '{{$XAS_SYNTHETIC_QUADRUPEDS_ROOT:data/synthetic_quadrupeds}}'

# What the detector has to know of animals. Their root is the base of the
# tail: seen from the front, the nose is more than the crop's side in front
# of it, where people's key points are within half of it.
head = dict(
    metainfo=_base_.dataset_info,
    decoder=dict(depth_range=2.5, heatmap_size=(16, 16, 32)))
# None of Animal3D's key points lies in the middle of two others.
midpoints = []

# Masks place the crops, as they have to where nobody knows an animal's root.
# The cube is what the boxes of the synthetic pairs measure on average.
crop_rule = 'mask'
load = [
    *_base_.load,
    dict(type='GetCubeBox', rule=crop_rule, cube_size=2900.0),
]
train_pipeline = [*load, *_base_.augment, *_base_.finish]
test_pipeline = [*load, *_base_.crop, *_base_.finish]

target = dict(
    type='XasZooMiniDataset',
    data_root=data_root,
    **_base_.layout,
    command=f'python tools/make_xas_zoo_mini.py --out {data_root}')
target_train = dict(
    **target,
    ann_file=_base_.train_file,
    # No joint of a training picture leaves the data set.
    carry_labels=False)
synthetic_train = dict(
    _base_.synthetic_train,
    data_root=synthetic_root,
    metainfo=_base_.dataset_info,
    # None of these species is in the target pictures.
    command='python tools/synthesize.py --num 5000 --body alpaca,cow,deer,'
    'donkey,horse,husky,shiba --image-size 192 --extent 3000 '
    f'--out {synthetic_root}')

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

val_evaluator = dict(group_by='category')
test_evaluator = val_evaluator
