# Stage 2 of 2 on XaS-Zoo-Mini: the pretext tasks on target pictures, from
# where stage 1 has come to (xas_zoo_mini_s1.py).
_base_ = ['./_base_/mini/s2.py', './_base_/datasets/xas_zoo_mini.py']

# `--cfg-options load_from=FILE` names another checkpoint.
load_from = 'work_dirs/xas_zoo_mini_s1/epoch_6.pth'

model = dict(
    head=dict(
        **_base_.head, loss_symmetry=dict(midpoints=_base_.midpoints)))
