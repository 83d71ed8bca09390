# xas_h36m.py with ConvNeXt-T; it is mmpretrain's: docs/backbones.md.
_base_ = './_base_/any_transformer.py'

custom_imports = dict(imports=['xas_mmpose', 'mmpretrain.models'])

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ConvNeXt',
        arch='tiny',
        drop_path_rate=0.1,
        out_indices=(3, ),
        gap_before_final_norm=False,
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'convnext/convnext-tiny_32xb128_in1k_20221207-998cf3e9.pth')))
