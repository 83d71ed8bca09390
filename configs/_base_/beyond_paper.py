# What is not in the paper and helps on target pictures;
# docs/ablation_xas_mini.md tells how much.

# A running mean of the weights, over some 1 / momentum steps ...
ema = dict(
    type='EMAHook',
    ema_type='ExponentialMovingAverage',
    momentum=0.02,
    update_buffers=True)
# ... teaches the detector where it sees joints in target pictures; how deep
# they lie it knows too badly to teach.
teacher = dict(type='TeacherLoss', depth_weight=0.0, loss_weight=2.0)
# The depths of a pose's joints agree on the lengths of its bones.
bones = dict(type='BoneLengthPrior')
# The mean of the likeliest whole poses is the first hypothesis.
ranker = dict(type='PoseRanker', first='mean')
target_hooks = [
    dict(type='MeanTeacherHook'),
    dict(type='TargetStatisticsHook'),
]
