# What configs/xas_h36m_BACKBONE.py share: xas_h36m.py, both stages, with a
# head that works out its layers from the backbone. docs/backbones.md.
_base_ = '../xas_h36m.py'

model = dict(
    type='FittedTopdownPoseEstimator',
    head=dict(
        in_channels=None,  # those of the backbone
        # As many as it takes from its map to 64x64 cells.
        deconv_out_channels=256,
        deconv_kernel_sizes=4))
