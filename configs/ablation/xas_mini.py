# The rows of docs/ablation_xas_mini.md: `python tools/run_ablation.py`.
# A row is its config with the options set, as --cfg-options does; `start`
# names the row whose last checkpoint, of the same seed, its weights come
# from; one with `weights` tests those of that row as they are. A row without
# a config is not trained.
title = 'XaS-Mini'

STAGE1 = 'configs/xas_mini_s1.py'
STAGE2 = 'configs/xas_mini_s2.py'
FULL = 'configs/xas_mini_full_s2.py'

# What switches a part of stage 2 off.
no_masks = {
    'model.head.loss_skeleton_mask.loss_weight': 0.0,
    'model.head.loss_physique_mask.loss_weight': 0.0,
}
no_symmetry = {'model.head.loss_symmetry.loss_weight': 0.0}
# The discriminator rests, too, where the prior's weight is 0.
no_prior = {'model.head.loss_prior.loss_weight': 0.0}

rows = dict(
    mean_pose=dict(
        text='Predicts the mean of the labelled training poses, whatever '
        'the picture.'),
    stage1_paper_loss=dict(
        text="Stage 1 with the paper's loss: the nearest hypothesis of each "
        'joint learns, and nothing orders them.',
        config=STAGE1,
        options={
            'model.head.loss_synthetic_likelihood.loss_weight': 0.0
        }),
    stage1=dict(
        text='Stage 1: labelled pairs alone, with the likelihood of the '
        'depth profile beside the nearest hypothesis.',
        config=STAGE1),
    stage1_single_hypothesis=dict(
        text='Stage 1 with one hypothesis per joint instead of three.',
        config=STAGE1,
        options={'model.head.decoder.num_hypotheses': 1}),
    control=dict(
        text="Stage 2's schedule and data without a pretext task: what "
        'training longer does by itself.',
        config=STAGE2,
        start='stage1',
        options={
            **no_masks,
            **no_symmetry,
            **no_prior
        }),
    masks=dict(
        text='Stage 2 with the two mask losses.',
        config=STAGE2,
        start='stage1',
        options={
            **no_symmetry,
            **no_prior
        }),
    masks_symmetry=dict(
        text='And left against right.',
        config=STAGE2,
        start='stage1',
        options=no_prior),
    masks_symmetry_prior=dict(
        text='And the adversarial prior, whose gradient reaches the '
        'detector: all pretext tasks of the paper.',
        config=STAGE2,
        start='stage1'),
    teacher=dict(
        text='And what goes beyond the paper in training: averaged weights '
        '(EMA), which teach the detector where joints are in target '
        'pictures, and batch norm with the statistics of target pictures.',
        config=FULL,
        weights='full',
        options={
            'model.head.bone_prior': None,
            'model.head.pose_ranker': None
        }),
    bones=dict(
        text='And depths that agree on bone lengths, those of the labelled '
        'pairs: another choice at test time.',
        config=FULL,
        weights='full',
        options={'model.head.pose_ranker': None}),
    full=dict(
        text='And the mean of the likeliest whole poses as the first '
        'hypothesis: one more choice at test time.',
        config=FULL,
        start='stage1'),
    # Decoding as theirs (the codec's `reference`) would not fit the weights
    # of the shared stage 1; their discriminator's options change nothing
    # where its gradient reaches nothing.
    reference_defects=dict(
        text="Stage 2 with what is wrong in the authors' released code: the "
        "prior's gradient does not reach the detector, the whole batch "
        'chooses its nearest hypothesis, the forearm is compared with the '
        'upper arm instead of the other side, the skeleton is clipped by '
        'one factor for all pixels and drawn half a pixel off; no '
        'likelihood, nothing beyond the paper.',
        config=STAGE2,
        start='stage1',
        options={
            **no_prior,
            'model.head.loss_synthetic.winner': 'batch',
            'model.head.loss_synthetic_likelihood.loss_weight': 0.0,
            'model.head.loss_symmetry.reference': True,
            'model.head.loss_skeleton_mask.clip': 0.1,
            'model.head.loss_skeleton_mask.reference_clip': True,
            'model.head.loss_skeleton_mask.reference_scale': True,
            'model.head.loss_physique_mask.reference_scale': True,
        }),
)

# (before, after): the report says how much `after` is better, seed by seed.
comparisons = [
    ('stage1', 'full'),
    ('control', 'full'),
    ('stage1_paper_loss', 'stage1'),
    ('stage1_single_hypothesis', 'stage1'),
    ('stage1', 'control'),
    ('control', 'masks'),
    ('masks', 'masks_symmetry'),
    ('masks_symmetry', 'masks_symmetry_prior'),
    ('masks_symmetry_prior', 'teacher'),
    ('teacher', 'bones'),
    ('bones', 'full'),
    ('reference_defects', 'full'),
]
