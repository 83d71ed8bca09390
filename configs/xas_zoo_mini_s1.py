# Stage 1 of 2 on XaS-Zoo-Mini, minutes on two CPU cores: synthetic pairs alone
# teach.
_base_ = ['./_base_/mini/s1.py', './_base_/datasets/xas_zoo_mini.py']

model = dict(head=_base_.head)
