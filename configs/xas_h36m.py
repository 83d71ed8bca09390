# X as Supervision on Human3.6M, both stages in one run: synthetic pairs
# alone, then the pretext tasks on target pictures beside them.
#
#     python tools/train.py configs/xas_h36m.py
#
# It does in every epoch what xas_h36m_s1.py and then xas_h36m_s2.py do, from
# which all numbers come. Two things differ: when stage 2 begins, Adam keeps
# its running means and the order of the pictures goes on; xas_h36m_s2.py
# starts both anew.
_base_ = './xas_h36m_s2.py'

load_from = None

begin = _base_.stage_1.epochs
end = begin + _base_.train_cfg.max_epochs
pretext = ['loss_skeleton_mask', 'loss_physique_mask', 'loss_symmetry',
           'loss_prior']
stages = [
    dict(begin=0, loss_weights=dict.fromkeys(pretext, 0.0)),
    # None: the weight that xas_h36m_s2.py gives the loss.
    dict(
        begin=begin,
        lr_factor=_base_.optim_wrapper.optimizer.lr / _base_.stage_1.lr,
        loss_weights=dict.fromkeys(pretext)),
]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='StageScheduleHook', stages=stages),
]

train_cfg = dict(max_epochs=end)
optim_wrapper = dict(optimizer=dict(lr=_base_.stage_1.lr))
# Each stage's own schedule, the second when it has begun.
param_scheduler = [
    *_base_.stage_1.param_scheduler,
    *[dict(schedule, begin=begin, end=end)
      for schedule in _base_.param_scheduler],
]

# In stage 1 the physique network rests: DDP has to look for it.
find_unused_parameters = True
