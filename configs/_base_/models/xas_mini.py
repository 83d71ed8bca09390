# The paper's detector for two CPU cores: 128x128 patch, 16x16x16 volume.
_base_ = './xas_res50.py'

codec = dict(
    type='DepthModeVolume',
    input_size=(128, 128),
    heatmap_size=(16, 16, 16),
    num_hypotheses=3,
    window=5)

model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=18,
        stem_channels=32,
        base_channels=32,
        init_cfg=[
            dict(type='Kaiming', layer='Conv2d'),
            dict(type='Constant', layer='BatchNorm2d', val=1)
        ]),
    head=dict(
        in_channels=256,
        decoder=codec,
        deconv_out_channels=(128, 128),
        deconv_kernel_sizes=(4, 4),
        loss_synthetic=dict(loss_weight=1.0),
        loss_synthetic_likelihood=dict(loss_weight=1.0),
        loss_skeleton_mask=dict(map_size=(32, 32), loss_weight=1.0)))
