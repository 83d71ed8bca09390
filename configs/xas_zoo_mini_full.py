# xas_zoo_mini.py, both stages in one run, with all that helps beyond the
# paper.
_base_ = ['./_base_/mini/full.py', './_base_/datasets/xas_zoo_mini.py']

model = dict(
    head=dict(
        **_base_.head, loss_symmetry=dict(midpoints=_base_.midpoints)))
