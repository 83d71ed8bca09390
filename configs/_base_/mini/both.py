# Both stages in one run: in every epoch what s1.py and then s2.py do, from
# which all numbers come. Two things differ: when stage 2 begins, Adam keeps
# its running means and the order of the pictures goes on; s2.py starts both
# anew.
_base_ = './s2.py'

begin = _base_.stage_1.epochs
end = begin + _base_.stage_2.epochs
pretext = ['loss_skeleton_mask', 'loss_physique_mask', 'loss_symmetry',
           'loss_prior']
stages = [
    dict(begin=0, loss_weights=dict.fromkeys(pretext, 0.0)),
    # None: the weight that s2.py gives the loss.
    dict(
        begin=begin,
        lr_factor=_base_.stage_2.lr / _base_.stage_1.lr,
        loss_weights=dict.fromkeys(pretext),
        samples_per_source=_base_.stage_2.samples_per_source),
]
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='StageScheduleHook', stages=stages),
]

train_cfg = dict(max_epochs=end, val_interval=begin)
optim_wrapper = dict(optimizer=dict(lr=_base_.stage_1.lr))
# Each stage's own schedule, the second when it has begun.
param_scheduler = [
    *_base_.stage_1.param_scheduler,
    *[dict(schedule, begin=begin, end=end)
      for schedule in _base_.param_scheduler],
]

# In stage 1 the physique network rests: DDP has to look for it.
find_unused_parameters = True
