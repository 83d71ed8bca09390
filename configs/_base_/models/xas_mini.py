# The same detector for two CPU cores: 128x128 patch, 16x16x16 volume.
# The leaf config gives the head its metainfo.
codec = dict(
    type='DepthModeVolume',
    input_size=(128, 128),
    heatmap_size=(16, 16, 16),
    num_hypotheses=3,
    window=5)

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[0.0, 0.0, 0.0],
        std=[255.0, 255.0, 255.0],
        bgr_to_rgb=True),
    backbone=dict(
        type='ResNet',
        depth=18,
        stem_channels=32,
        base_channels=32,
        init_cfg=[
            dict(type='Kaiming', layer='Conv2d'),
            dict(type='Constant', layer='BatchNorm2d', val=1)
        ]),
    head=dict(
        type='MultiHypothesisHead',
        in_channels=256,
        decoder=codec,
        deconv_out_channels=(128, 128),
        deconv_kernel_sizes=(4, 4),
        loss_synthetic=dict(type='WinnerTakesAllLoss', loss_weight=1.0),
        # Not in the paper: it gives the most confident hypothesis a meaning.
        loss_synthetic_likelihood=dict(
            type='MarginalLikelihoodLoss', loss_weight=1.0),
        loss_skeleton_mask=dict(
            type='SkeletonMaskLoss', map_size=(32, 32), loss_weight=1.0)),
    test_cfg=dict(flip_test=False))
