# X as Supervision on animals: xas_mini.py with other data, key points and
# bodies. Both stages in one run, minutes on two CPU cores.
#
#     python tools/train.py configs/xas_zoo_mini.py
#
# All of the method stands in _base_/mini, the data in _base_/datasets.
_base_ = ['./_base_/mini/both.py', './_base_/datasets/xas_zoo_mini.py']

model = dict(
    head=dict(
        **_base_.head, loss_symmetry=dict(midpoints=_base_.midpoints)))
