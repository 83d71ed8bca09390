# X as Supervision on animals: xas_h36m.py with Animal3D's pictures as
# unlabelled targets and quadrupeds as synthetic pairs. Both stages in one
# run; docs/animals.md says what to prepare.
_base_ = './xas_h36m.py'

from xas_mmpose.skeletons import ANIMAL3D_26  # noqa: E402

dataset_info = ANIMAL3D_26.metainfo()
del ANIMAL3D_26

# Where the data lie; XAS_ANIMAL3D_ROOT and XAS_SYNTHETIC_ANIMALS_ROOT say it,
# too.
data_root = '{{$XAS_ANIMAL3D_ROOT:data/animal3d}}'
synthetic_root = '{{$XAS_SYNTHETIC_ANIMALS_ROOT:data/synthetic_animals}}'

load = [
    dict(type='LoadImage'),
    dict(type='LoadMask'),
    # Nobody knows where the root is: the mask places the crop. The cube is
    # what the crops of synthetic pairs measure on average, in mm or in
    # thousandths of SMAL's unit, which are the same to the free quadrupeds.
    dict(type='GetCubeBox', rule='mask', cube_size=2900.0),
]
train_pipeline = [*load, *_base_.train_pipeline[len(_base_.load):]]
test_pipeline = [
    *load,
    dict(type='CubeAffine', input_size=_base_.input_size),
    # No labels of losses: without a camera there are none.
    dict(type='RemoveBackground'),
    dict(type='PackXasInputs'),
]

# What the detector has to know of animals. Their root is the base of the
# tail: from the front, the nose is a cube or more before it, where people's
# key points are within half of one. 99.9 % of the synthetic pairs' key points
# lie in these bins. The window of a peak is about as wide in cubes.
model = dict(
    head=dict(
        metainfo=dataset_info,
        decoder=dict(depth_range=2.5, window=7),
        # No key point of Animal3D lies in the middle of two others.
        loss_symmetry=dict(midpoints=[])))

target = dict(type='XasAnimal3dDataset', data_root=data_root)
synthetic = dict(
    _base_.synthetic_train,
    metainfo=dataset_info,
    data_root=synthetic_root,
    command='python tools/synthesize.py --body animals --num 20000 '
    f'--image-size 320 --extent 3000 --out {synthetic_root}')

train_dataloader = dict(
    dataset=dict(
        metainfo=dataset_info,
        datasets=[
            # No key point of a training picture leaves the data set.
            dict(target, ann_file='train.json', carry_labels=False),
            synthetic,
        ],
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        target,
        _delete_=True,
        ann_file='test.json',
        carry_labels=True,
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = [
    dict(
        type='MultiHypothesisMPJPE',
        hypothesis_rules=('top1', 'oracle'),
        group_by='category',
        unit='thousandths of a unit of SMAL'),
    dict(
        type='KeypointError2D',
        metrics=('2D/px', '2D/crop', 'PCK@0.1', 'PCK@0.05'),
        group_by='category'),
]
test_evaluator = val_evaluator

default_hooks = dict(
    # The last one counts: a best one would be chosen by the test pictures.
    checkpoint=dict(save_best=None),
    # `tools/test.py ... --show-dir FOLDER` draws what is found.
    visualization=dict(type='HypothesisVisualizationHook', interval=1))
