# X as Supervision on Human3.6M and on pictures in the wild beside it, those of
# MPII and TikTok: the paper's mixed training. Both stages in one run.
_base_ = './xas_h36m.py'

# Where the data lie; XAS_MPII_ROOT and XAS_TIKTOK_ROOT say it, too.
mpii_root = '{{$XAS_MPII_ROOT:data/mpii}}'
tiktok_root = '{{$XAS_TIKTOK_ROOT:data/TikTok_dataset}}'

# Masks place the crops in the wild, whatever does so on Human3.6M: no
# annotation of these pictures is read.
load_in_the_wild = [
    dict(type='LoadImage'),
    dict(type='LoadMask'),
    dict(type='GetCubeBox', rule='mask'),
]
target_mpii = dict(
    type='XasMpiiDataset',
    data_root=mpii_root,
    ann_file='annotations/mpii_train.json',
    data_prefix=dict(img='images', mask='masks'),
    pipeline=load_in_the_wild)
target_tiktok = dict(
    type='TikTokDataset',
    data_root=tiktok_root,
    videos='train',  # the authors' 41 videos
    # The authors change the colours of these frames, and of no others;
    # prob=0 leaves them as they are.
    pipeline=[*load_in_the_wild, dict(type='RandomColorChange', prob=0.6)])

train_dataloader = dict(
    # How the authors mix is not in their code: half the target pictures are
    # of Human3.6M here.
    sampler=dict(samples_per_source=[16, 8, 8, 32]),
    dataset=dict(
        datasets=[
            dict(_base_.target_train, pipeline=_base_.load),
            target_mpii,
            target_tiktok,
            dict(_base_.synthetic_train, pipeline=_base_.load),
        ],
        # What is left to do with all of them.
        pipeline=_base_.train_pipeline[len(_base_.load):]))
