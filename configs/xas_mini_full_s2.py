# Stage 2 of xas_mini_full.py alone, from where stage 1 has come to
# (xas_mini_s1.py).
_base_ = ['./_base_/mini/full_s2.py', './_base_/datasets/xas_mini.py']

# `--cfg-options load_from=FILE` names another checkpoint.
load_from = 'work_dirs/xas_mini_s1/epoch_6.pth'

model = dict(
    head=dict(
        **_base_.head, loss_symmetry=dict(midpoints=_base_.midpoints)))
