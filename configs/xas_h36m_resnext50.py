# xas_h36m.py with ResNeXt-50.
_base_ = './_base_/any_backbone.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNeXt',
        depth=50,
        init_cfg=dict(
            type='Pretrained', checkpoint='mmcls://resnext50_32x4d')))
