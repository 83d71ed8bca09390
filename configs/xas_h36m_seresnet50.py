# xas_h36m.py with SE-ResNet-50.
_base_ = './_base_/any_backbone.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='SEResNet',
        depth=50,
        init_cfg=dict(type='Pretrained', checkpoint='mmcls://se-resnet50')))
