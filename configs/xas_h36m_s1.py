# Stage 1 of 2 on Human3.6M: synthetic pairs alone teach. Target pictures
# pass through the network for the statistics of its batch norm.
#
#     python tools/train.py configs/xas_h36m_s1.py
#     python tools/train.py configs/xas_h36m_s2.py
_base_ = [
    './_base_/models/xas_res50.py',
    './_base_/datasets/xas_h36m.py',
    './_base_/schedules/xas_adam_50e.py',
]

custom_imports = dict(imports=['xas_mmpose'], allow_failed_imports=False)

model = dict(
    head=dict(
        metainfo={{_base_.dataset_info}},
        loss_synthetic=dict(loss_weight=3.0),
        loss_skeleton_mask=dict(loss_weight=0.0)))

# Resuming goes on with the same order of pictures.
randomness = dict(seed=0)

custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='PretrainedWeightsHook'),
]
default_hooks = dict(
    checkpoint=dict(
        interval=1,  # the authors: 20
        max_keep_ckpts=3,
        save_best='MPJPE/top1',
        rule='less'))

# What xas_h36m.py reads of this stage, when stage 2 has replaced it.
stage_1 = dict(
    epochs=_base_.train_cfg.max_epochs,
    lr=_base_.optim_wrapper.optimizer.lr,
    param_scheduler=_base_.param_scheduler)
