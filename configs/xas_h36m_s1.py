# Stage 1 of 2 on Human3.6M: synthetic pairs alone teach. Target pictures
# pass through the network for the statistics of its batch norm.
#
#     python tools/train.py configs/xas_h36m_s1.py
#     python tools/train.py configs/xas_h36m_s2.py
_base_ = './xas_h36m.py'

model = dict(
    head=dict(
        loss_synthetic=dict(loss_weight=3.0),
        loss_skeleton_mask=dict(loss_weight=0.0)))

train_cfg = dict(max_epochs=50)
optim_wrapper = dict(
    optimizer=dict(type='Adam', lr=2e-4, betas=(0.5, 0.999)))
param_scheduler = [
    dict(type='MultiStepLR', milestones=[40], gamma=0.1, by_epoch=True)
]

default_hooks = dict(checkpoint=dict(interval=1))  # the authors: 20
