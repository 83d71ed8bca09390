# Stage 2 of 2 on Human3.6M: the pretext tasks on target pictures, beside the
# synthetic pairs, from where stage 1 has come to (xas_h36m_s1.py).
_base_ = './xas_h36m_s1.py'

# Its last checkpoint, of which the weights alone are taken;
# `--cfg-options load_from=FILE` names another one.
load_from = 'work_dirs/xas_h36m_s1/epoch_50.pth'

model = dict(
    head=dict(
        loss_synthetic=dict(loss_weight=3.0),
        loss_skeleton_mask=dict(loss_weight=0.02),
        # At the volumes' size: the network is as large as the picture it
        # is given, and with 256x256 cells it takes a third of the backbone's
        # time on a CPU. The authors' exact size is map_size=None.
        loss_physique_mask=dict(
            type='PhysiqueMaskLoss',
            line_width=0.003,
            map_size=(64, 64),
            loss_weight=0.02),
        loss_symmetry=dict(
            type='SymmetryLoss',
            midpoints=[('left_shoulder', 'right_shoulder', 'thorax'),
                       ('left_hip', 'right_hip', 'root')],
            bone_weight=0.1,
            midpoint_weight=0.1,
            midpoint_2d_weight=0.0,
            loss_weight=1.0),
        loss_prior=dict(type='PriorGeneratorLoss', loss_weight=0.5)))

# The learning rates would fall after epoch 40, as in the authors' settings.
schedule = dict(
    type='MultiStepLR', milestones=[40], gamma=0.1, by_epoch=True)
prior = dict(
    type='AdversarialPriorHook',
    discriminator=dict(type='GCNPoseDiscriminator'),
    loss=dict(type='PriorDiscriminatorLoss', loss_weight=0.5),
    optimizer=dict(type='Adam', lr=1e-4, betas=(0.5, 0.999), fused=True),
    param_scheduler=[schedule],
    interval=1)
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='PretrainedWeightsHook'),
    prior,
]

train_cfg = dict(max_epochs=15)
optim_wrapper = dict(
    optimizer=dict(type='Adam', lr=1e-4, betas=(0.5, 0.999), fused=True))
param_scheduler = [schedule]

default_hooks = dict(checkpoint=dict(interval=1))  # the authors: 2
