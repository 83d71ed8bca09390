# xas_h36m.py with ResNet-101.
_base_ = './_base_/any_backbone.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=101,
        init_cfg=dict(
            type='Pretrained', checkpoint='torchvision://resnet101')))
