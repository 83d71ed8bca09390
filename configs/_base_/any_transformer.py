# What transformers share: AdamW with a warm-up, as MMPose trains them.
_base_ = './any_backbone.py'

optim_wrapper = dict(
    optimizer=dict(type='AdamW', betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            'pos_embed': dict(decay_mult=0.0),
            'relative_position_bias_table': dict(decay_mult=0.0),
        }))

param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.001, begin=0, end=500, by_epoch=False),
    *_base_.param_scheduler,
]
