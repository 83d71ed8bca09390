# Stage 1 of 2 of xas_mini.py, as xas_h36m_s1.py: synthetic pairs alone
# teach.
_base_ = './xas_mini.py'

model = dict(head=dict(loss_skeleton_mask=dict(loss_weight=0.0)))
