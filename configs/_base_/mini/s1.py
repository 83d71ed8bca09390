# Stage 1 of 2 made small, as xas_h36m_s1.py: synthetic pairs alone teach.
# Data and key points come from the file that builds on this one.
_base_ = ['../models/xas_mini.py', '../schedules/xas_mini.py']

custom_imports = dict(imports=['xas_mmpose'], allow_failed_imports=False)

model = dict(head=dict(loss_skeleton_mask=dict(loss_weight=0.0)))

# The same numbers again on the same machine.
randomness = dict(seed=0)

default_hooks = dict(
    checkpoint=dict(
        interval=1,
        max_keep_ckpts=2,
        save_best='MPJPE/top1',
        rule='less'))

# What both.py reads of this stage, when stage 2 has replaced it.
stage_1 = dict(
    epochs=_base_.train_cfg.max_epochs,
    lr=_base_.optim_wrapper.optimizer.lr,
    param_scheduler=_base_.param_scheduler)
