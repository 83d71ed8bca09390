# Some minutes on two CPU cores.
_base_ = 'mmpose::_base_/default_runtime.py'

train_cfg = dict(by_epoch=True, max_epochs=6, val_interval=6)

optim_wrapper = dict(
    # fused: one pass over all weights, a tenth of a step's time less. On a
    # CPU it takes PyTorch 2.4 or later.
    optimizer=dict(type='Adam', lr=1.5e-3, betas=(0.9, 0.999), fused=True))

param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(
        type='CosineAnnealingLR',
        eta_min=0,
        begin=0,
        end=6,
        by_epoch=True,
        convert_to_iter_based=True)
]
