# Stage 2 of xas_mini_full.py alone, from where stage 1 has come to
# (xas_mini_s1.py).
_base_ = ['./xas_mini_s2.py', './_base_/beyond_paper.py']

model = dict(
    head=dict(loss_teacher=_base_.teacher, pose_ranker=_base_.ranker))
default_hooks = dict(ema=_base_.ema)
custom_hooks = [*_base_.custom_hooks, *_base_.target_hooks]
