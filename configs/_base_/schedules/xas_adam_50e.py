# The paper's first stage: Adam, 32 + 32 pictures a step, 50 epochs.
_base_ = 'mmpose::_base_/default_runtime.py'

train_cfg = dict(by_epoch=True, max_epochs=50, val_interval=5)

optim_wrapper = dict(
    # fused: one pass over all weights, the same numbers but for rounding. On
    # a CPU it takes PyTorch 2.4 or later.
    optimizer=dict(type='Adam', lr=2e-4, betas=(0.5, 0.999), fused=True))

param_scheduler = [
    dict(type='MultiStepLR', milestones=[40], gamma=0.1, by_epoch=True)
]

auto_scale_lr = dict(base_batch_size=64)
