# xas_h36m.py with ShuffleNetV2.
_base_ = './_base_/any_backbone.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='ShuffleNetV2',
        widen_factor=1.0,
        init_cfg=dict(type='Pretrained', checkpoint='mmcls://shufflenet_v2')))
