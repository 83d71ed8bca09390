# xas_h36m.py with ViT-S, ViTPose's; it is mmpretrain's: docs/backbones.md.
_base_ = './_base_/any_transformer.py'

custom_imports = dict(imports=['xas_mmpose', 'mmpretrain.models'])

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch=dict(
            embed_dims=384,
            num_layers=12,
            num_heads=12,
            feedforward_channels=1536),
        img_size=(256, 256),
        patch_size=16,
        qkv_bias=True,
        drop_path_rate=0.1,
        with_cls_token=False,
        out_type='featmap',
        patch_cfg=dict(padding=2),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmpose/'
            'v1/pretrained_models/mae_pretrain_vit_small_20230913.pth')))
