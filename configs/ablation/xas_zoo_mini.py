# The rows of docs/ablation_xas_zoo_mini.md:
#
#     python tools/run_ablation.py --config configs/ablation/xas_zoo_mini.py
#
# What a row is says xas_mini.py beside this file.
title = 'XaS-Zoo-Mini'
note = (
    "Key points are Animal3D's 26, the root is the base of the tail. 1000 mm "
    'are one unit of SMAL, of which every animal is 2.2 long from the nose '
    'to the base of the tail. Crops by masks know no scale, so N-MPJPE says '
    'more than MPJPE.')

STAGE1 = 'configs/xas_zoo_mini_s1.py'
STAGE2 = 'configs/xas_zoo_mini_s2.py'
FULL = 'configs/xas_zoo_mini_full_s2.py'

no_pretext = {
    'model.head.loss_skeleton_mask.loss_weight': 0.0,
    'model.head.loss_physique_mask.loss_weight': 0.0,
    'model.head.loss_symmetry.loss_weight': 0.0,
    'model.head.loss_prior.loss_weight': 0.0,
}

rows = dict(
    mean_pose=dict(
        text='Predicts the mean of the labelled training poses, whatever '
        'the picture.'),
    stage1=dict(
        text='Stage 1: labelled pairs of other species alone.',
        config=STAGE1),
    control=dict(
        text="Stage 2's schedule and data without a pretext task: what "
        'training longer does by itself.',
        config=STAGE2,
        start='stage1',
        options=no_pretext),
    control_bones=dict(
        text='And depths that agree on bone lengths, those of the labelled '
        'pairs, at test time.',
        config=STAGE2,
        start='stage1',
        options={
            **no_pretext, 'model.head.bone_prior': dict(
                type='BoneLengthPrior')
        }),
    paper=dict(
        text='Stage 2: masks, symmetry and the adversarial prior, the '
        'pretext tasks of the paper.',
        config=STAGE2,
        start='stage1'),
    teacher=dict(
        text='And what goes beyond the paper in training: averaged weights '
        '(EMA), which teach the detector where key points are in target '
        'pictures, and batch norm with the statistics of target pictures.',
        config=FULL,
        weights='full',
        options={
            'model.head.bone_prior': None,
            'model.head.pose_ranker': None
        }),
    full=dict(
        text='And depths that agree on bone lengths, those of the labelled '
        'pairs, and the mean of the likeliest whole poses as the first '
        'hypothesis: other choices at test time.',
        config=FULL,
        start='stage1'),
)

# (before, after): the report says how much `after` is better, seed by seed.
comparisons = [
    ('stage1', 'full'),
    ('stage1', 'control'),
    ('control', 'control_bones'),
    ('control', 'paper'),
    ('paper', 'teacher'),
    ('teacher', 'full'),
    ('control_bones', 'full'),
]
compared = ['N-MPJPE/top1', 'P-MPJPE/top1']
