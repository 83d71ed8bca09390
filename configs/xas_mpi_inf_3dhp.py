# X as Supervision on MPI-INF-3DHP, both stages in one run.
#
#     python tools/dataset_converters/mpi_inf_3dhp.py DOWNLOAD \
#         --out data/mpi_inf_3dhp
#     python tools/train.py configs/xas_mpi_inf_3dhp.py
#
# Numbers that are not those of xas_h36m_s2.py are the authors' for this set;
# loss_physique_mask.map_size is that config's, the authors' is None.
_base_ = './xas_h36m_s2.py'

# Where the data lie; XAS_MPI_INF_3DHP_ROOT says it, too.
data_root = '{{$XAS_MPI_INF_3DHP_ROOT:data/mpi_inf_3dhp}}'

target = dict(
    type='XasMpiInf3dhpDataset',
    data_root=data_root,
    ann_file='annotations/mpi_inf_3dhp_train.npz',
    camera_param_file='annotations/cameras_train.pkl',
    data_prefix=dict(img='images', mask='masks'),
    command='python tools/dataset_converters/mpi_inf_3dhp.py DOWNLOAD --out '
    f'{data_root}')
train = dict(
    target,
    subjects=['S1', 'S2', 'S3', 'S4', 'S5', 'S6'],
    # No joint of a training picture leaves the data set.
    carry_labels=False,
    carry_root=_base_.crop_rule == 'root')
train_dataloader = dict(
    dataset=dict(datasets=[train, _base_.synthetic_train]))
# The authors validate on two people of the training set, whose masks are at
# hand. The common protocol, TS1 to TS6, takes masks of one's own:
# tools/test.py --protocol mpi_inf_3dhp_test, docs/protocols.md.
val_dataloader = dict(
    dataset=dict(
        target,
        _delete_=True,
        subjects=['S7', 'S8'],
        carry_labels=True,
        test_mode=True,
        pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
rules = ('top1', 'oracle')
val_evaluator = [
    dict(type='MultiHypothesisMPJPE', hypothesis_rules=rules),
    dict(type='MultiHypothesisPCK3D', hypothesis_rules=rules),
]
test_evaluator = val_evaluator

model = dict(
    head=dict(
        loss_symmetry=dict(bone_weight=0.05, midpoint_weight=0.05),
        loss_prior=dict(loss_weight=1.0)))

load_from = None
pretext = dict(
    loss_skeleton_mask=0.0,
    loss_physique_mask=0.0,
    loss_symmetry=0.0,
    loss_prior=0.0)
stages = [
    dict(begin=0, loss_weights=dict(pretext, loss_synthetic=1.0)),
    # None: the weight that the model gives the loss, 3 for loss_synthetic.
    dict(
        begin=80,
        lr_factor=0.5,
        loss_weights=dict.fromkeys([*pretext, 'loss_synthetic'])),
]
prior = dict(
    _base_.prior,
    loss=dict(type='PriorDiscriminatorLoss', loss_weight=1.0))
custom_hooks = [
    *_base_.custom_hooks[:-1],
    prior,
    dict(type='StageScheduleHook', stages=stages),
]
train_cfg = dict(max_epochs=90)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
# The second stage is over before its learning rate would fall.
param_scheduler = [
    dict(
        type='MultiStepLR',
        milestones=[70],
        gamma=0.1,
        by_epoch=True,
        end=80)
]

# In stage 1 the physique network rests: DDP has to look for it.
find_unused_parameters = True
