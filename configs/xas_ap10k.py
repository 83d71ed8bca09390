# X as Supervision on AP-10K's animals, of which there is no 3D truth: masks
# teach, 2D key points test. Both stages in one run; docs/animals.md says what
# to prepare.
_base_ = './xas_animal3d.py'

# Where the data lie; XAS_AP10K_ROOT and XAS_SYNTHETIC_ANIMALS_ROOT say it,
# too.
data_root = '{{$XAS_AP10K_ROOT:data/ap10k}}'

animals = dict(
    type='XasAnimalKeypointDataset',
    data_root=data_root,
    # The families that walk as the bodies of the synthetic pairs do.
    categories=['Bovidae', 'Canidae', 'Cervidae', 'Equidae', 'Felidae',
                'Hippopotamidae', 'Suidae', 'Ursidae'],
    # GrabCut finds nothing of some; a warning says of how many.
    skip_unmasked=True)
synthetic = dict(_base_.synthetic, heldout_fraction=0.04)

train_dataloader = dict(
    dataset=dict(
        datasets=[
            # No key point of a training picture leaves the data set.
            dict(
                animals,
                ann_file='annotations/ap10k-train-split1.json',
                data_prefix=dict(img='data', mask='masks/train'),
                carry_labels=False),
            dict(synthetic, split='train'),
        ]))
# While it trains: 3D errors of synthetic animals that it does not see. They
# tell that it goes well, not how well it does on the pictures.
val_dataloader = dict(
    dataset=dict(
        synthetic,
        _delete_=True,
        split='heldout',
        test_mode=True,
        pipeline=_base_.test_pipeline))
val_evaluator = dict(
    _delete_=True, type='MultiHypothesisMPJPE', prefix='synthetic')

# In the end: 2D errors of the real ones.
test_dataloader = dict(
    dataset=dict(
        animals,
        _delete_=True,
        ann_file='annotations/ap10k-test-split1.json',
        data_prefix=dict(img='data', mask='masks/test'),
        keypoint_set='ap10k',
        carry_labels=True,
        test_mode=True,
        pipeline=_base_.test_pipeline))
test_evaluator = [
    dict(
        type='KeypointError2D',
        metrics=('2D/px', '2D/crop', 'PCK@0.1', 'PCK@0.05'),
        group_by='category')
]

default_hooks = dict(
    checkpoint=dict(save_best='synthetic/N-MPJPE/top1'))
