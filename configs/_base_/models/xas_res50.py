# The detector of the paper: 256x256 patch, 64x64x64 volume, 3 hypotheses.
# The leaf config gives the head its metainfo.
codec = dict(
    type='DepthModeVolume',
    input_size=(256, 256),
    heatmap_size=(64, 64, 64),
    num_hypotheses=3,
    window=15)

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[0.0, 0.0, 0.0],
        std=[255.0, 255.0, 255.0],
        bgr_to_rgb=True),
    backbone=dict(
        type='ResNet',
        depth=50,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='torchvision://resnet50.imagenet1k_v2')),
    head=dict(
        type='MultiHypothesisHead',
        in_channels=2048,
        decoder=codec,
        deconv_out_channels=(256, 256, 256),
        deconv_kernel_sizes=(4, 4, 4),
        loss_synthetic=dict(type='WinnerTakesAllLoss', loss_weight=3.0),
        # Not in the paper: it gives the most confident hypothesis a meaning.
        loss_synthetic_likelihood=dict(
            type='MarginalLikelihoodLoss', loss_weight=0.1),
        loss_skeleton_mask=dict(
            type='SkeletonMaskLoss', line_width=0.003, loss_weight=0.02)),
    test_cfg=dict(flip_test=False))
