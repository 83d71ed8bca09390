# What is not in the paper and helps on target pictures;
# docs/ablation_xas_mini.md tells how much.

# A running mean of the weights, over some 1 / momentum steps ...
ema = dict(
    type='EMAHook',
    ema_type='ExponentialMovingAverage',
    momentum=0.02,
    update_buffers=True)
# ... teaches the detector what it sees in target pictures.
teacher = dict(type='TeacherLoss', loss_weight=2.0)
# The mean of the likeliest whole poses is the first hypothesis.
ranker = dict(type='PoseRanker', first='mean')
target_hooks = [
    dict(type='MeanTeacherHook'),
    dict(type='TargetStatisticsHook'),
]
