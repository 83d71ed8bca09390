# What XaS-Mini and XaS-Zoo-Mini have in common: unlabelled target pictures
# from a studio, and painted synthetic pairs beside them. The files that build
# on this one say which pictures, with which key points, and where crops lie.
input_size = (128, 128)

load = [
    dict(type='LoadImage'),
    dict(type='LoadMask'),
]
# Each has a probability: docs/training.md says how to switch it.
augment = [
    dict(type='RandomFlipPose3D', prob=0.5),
    dict(
        type='RandomCubeTransform',
        shift_prob=1.0,
        scale_prob=1.0,
        rotate_factor=15.0,
        rotate_prob=0.5),
    dict(type='CubeAffine', input_size=input_size),
    dict(
        type='RandomApply',
        transforms=[dict(type='PhotometricDistortion')],
        prob=1.0),
]
crop = [dict(type='CubeAffine', input_size=input_size)]
finish = [
    dict(type='RemoveBackground'),
    dict(type='NormaliseKeypoints3D'),
    dict(type='PackXasInputs'),
]

# Of every data set in Human3.6M's layout.
layout = dict(
    camera_param_file='annotation_body3d/cameras.pkl',
    data_prefix=dict(img='images', mask='masks'))
train_file = 'annotation_body3d/fps10/h36m_train.npz'
test_file = 'annotation_body3d/fps10/h36m_test.npz'
synthetic_train = dict(
    type='SyntheticPairDataset',
    ann_file='annotations.json',
    # The others tell how well the training does without a domain gap.
    split='train',
    heldout_fraction=0.04)

train_dataloader = dict(
    batch_size=18,
    # On two cores a loading process only gets in the network's way.
    num_workers=0,
    # An epoch shows every labelled pair once.
    sampler=dict(
        type='PairedSourceSampler',
        samples_per_source=[2, 16],
        epoch_source=1),
    batch_sampler=dict(type='PairedBatchSampler'),
    dataset=dict(type='XasCombinedDataset'))
val_dataloader = dict(
    batch_size=40,
    num_workers=0,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='MultiHypothesisMPJPE',
    hypothesis_rules=('top1', 'oracle', 'oracle-joint'))
test_evaluator = val_evaluator
