# xas_mini.py with a running mean of the weights (EMA) beside them, over some
# 1 / momentum steps. It is what is validated, and what a checkpoint's
# `state_dict` holds.
_base_ = './xas_mini.py'

default_hooks = dict(
    ema=dict(
        type='EMAHook',
        ema_type='ExponentialMovingAverage',
        momentum=0.005,
        update_buffers=True))  # the statistics of batch norm, too
