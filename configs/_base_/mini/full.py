# Both stages in one run, with all that helps beyond the paper.
_base_ = ['./both.py', '../beyond_paper.py']

model = dict(
    head=dict(
        loss_teacher=_base_.teacher,
        bone_prior=_base_.bones,
        pose_ranker=_base_.ranker))
default_hooks = dict(ema=_base_.ema)

# The teacher begins with stage 2, as the pretext tasks do.
stages = [
    dict(stage, loss_weights=dict(stage.loss_weights, loss_teacher=weight))
    for stage, weight in zip(_base_.stages, (0.0, None))
]
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='StageScheduleHook', stages=stages),
    *_base_.target_hooks,
]
