# A folder of one's own pictures and one of their masks, nothing else, as
# unlabelled target pictures; synthetic pairs beside them.
_base_ = ['./human36m_18.py']

# Where the data lie; XAS_CUSTOM_ROOT and XAS_SYNTHETIC_ROOT say it, too:
#     data/custom/images/anything/below/0001.jpg
#     data/custom/masks/anything/below/0001.png    grey, 255 = the person
data_root = '{{$XAS_CUSTOM_ROOT:data/custom}}'
synthetic_root = '{{$XAS_SYNTHETIC_ROOT:data/synthetic}}'

input_size = (256, 256)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadMask'),
    # Nobody knows where the root is: the mask places the crop.
    dict(type='GetCubeBox', rule='mask'),
    dict(type='CubeAffine', input_size=input_size),
    dict(type='RemoveBackground'),
    dict(type='NormaliseKeypoints3D'),
    dict(type='PackXasInputs')
]
test_pipeline = train_pipeline

target_train = dict(type='MaskedFolderDataset', data_root=data_root)
synthetic = dict(
    type='SyntheticPairDataset',
    data_root=synthetic_root,
    ann_file='annotations.json',
    heldout_fraction=0.04,
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
        datasets=[target_train, dict(**synthetic, split='train')],
        pipeline=train_pipeline))
# One's own pictures have no truth. These numbers are of synthetic people that
# the training does not see: they tell that it goes well, not how well it does
# on the pictures.
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        **synthetic, split='heldout', test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='MultiHypothesisMPJPE',
    prefix='synthetic',
    hypothesis_rules=('top1', 'oracle'))
test_evaluator = val_evaluator
