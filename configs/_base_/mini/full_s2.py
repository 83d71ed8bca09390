# Stage 2 alone, with all that helps beyond the paper.
_base_ = ['./s2.py', '../beyond_paper.py']

model = dict(
    head=dict(
        loss_teacher=_base_.teacher,
        bone_prior=_base_.bones,
        pose_ranker=_base_.ranker))
default_hooks = dict(ema=_base_.ema)
custom_hooks = [*_base_.custom_hooks, *_base_.target_hooks]
