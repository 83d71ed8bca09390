# Stage 2 of 2 made small, as xas_h36m_s2.py: the pretext tasks on target
# pictures. The file that builds on this one gives the midpoints.
_base_ = './s1.py'

model = dict(
    head=dict(
        loss_skeleton_mask=dict(loss_weight=0.02),
        loss_physique_mask=dict(
            type='PhysiqueMaskLoss', map_size=(32, 32), loss_weight=0.02),
        loss_symmetry=dict(
            type='SymmetryLoss',
            bone_weight=0.1,
            midpoint_weight=0.1,
            midpoint_2d_weight=0.0,
            loss_weight=1.0),
        # More of it (0.5, as the authors) mends poses in themselves and
        # turns them the wrong way: P-MPJPE falls, MPJPE rises.
        loss_prior=dict(type='PriorGeneratorLoss', loss_weight=0.1)))

prior = dict(
    type='AdversarialPriorHook',
    discriminator=dict(
        type='GCNPoseDiscriminator', channels=64, header_channels=256),
    loss=dict(type='PriorDiscriminatorLoss', loss_weight=0.5),
    optimizer=dict(type='Adam', lr=1e-4, betas=(0.5, 0.999)))
# Half the batch are target pictures now. The sampler's own numbers, those of
# stage 1, go on telling how many batches an epoch has.
stage_2 = dict(epochs=1, lr=3e-4, samples_per_source=[9, 9])
custom_hooks = [
    dict(type='SyncBuffersHook'),
    prior,
    dict(
        type='StageScheduleHook',
        stages=[
            dict(begin=0, samples_per_source=stage_2['samples_per_source'])
        ]),
]

train_cfg = dict(
    max_epochs=stage_2['epochs'], val_interval=stage_2['epochs'])
optim_wrapper = dict(optimizer=dict(lr=stage_2['lr']))
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        eta_min=0,
        begin=0,
        end=stage_2['epochs'],
        by_epoch=True,
        convert_to_iter_based=True)
]
