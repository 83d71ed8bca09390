# X as Supervision made small, both stages in one run: minutes on two CPU
# cores.
#
#     python tools/train.py configs/xas_mini.py
#
# All of the method stands in _base_/mini, the data in _base_/datasets.
_base_ = ['./_base_/mini/both.py', './_base_/datasets/xas_mini.py']

model = dict(
    head=dict(
        **_base_.head, loss_symmetry=dict(midpoints=_base_.midpoints)))
