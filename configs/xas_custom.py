# X as Supervision on a folder of one's own pictures and one of their masks,
# nothing else; synthetic pairs beside them. Both stages in one run.
_base_ = './xas_h36m.py'

# Where the data lie; XAS_CUSTOM_ROOT and XAS_SYNTHETIC_ROOT say it, too:
#     data/custom/images/anything/below/0001.jpg
#     data/custom/masks/anything/below/0001.png    grey, 255 = the person
data_root = '{{$XAS_CUSTOM_ROOT:data/custom}}'

load = [
    dict(type='LoadImage'),
    dict(type='LoadMask'),
    # Nobody knows where the root is: the mask places the crop.
    dict(type='GetCubeBox', rule='mask'),
]
train_pipeline = [*load, *_base_.train_pipeline[len(_base_.load):]]
test_pipeline = [*load, *_base_.test_pipeline[len(_base_.load):]]

target = dict(type='MaskedFolderDataset', data_root=data_root)
synthetic = dict(_base_.synthetic_train, heldout_fraction=0.04)

train_dataloader = dict(
    dataset=dict(
        datasets=[target, dict(synthetic, split='train')],
        pipeline=train_pipeline))
# While it trains: 3D errors of synthetic people that it does not see. They
# tell that it goes well, not how well it does on the pictures, which have no
# truth.
val_dataloader = dict(
    dataset=dict(
        synthetic,
        _delete_=True,
        split='heldout',
        test_mode=True,
        pipeline=test_pipeline))
val_evaluator = dict(prefix='synthetic', per_action=False)

# In the end: the pictures themselves. `tools/test.py ... --show-dir FOLDER`
# draws what is found in each; the number tells how far the hypotheses lie
# apart, in mm.
test_dataloader = dict(
    dataset=dict(
        target, _delete_=True, test_mode=True, pipeline=test_pipeline))
test_evaluator = dict(_delete_=True, type='HypothesisDiversity')

default_hooks = dict(
    # Without a truth there is no best checkpoint.
    checkpoint=dict(save_best=None),
    visualization=dict(type='HypothesisVisualizationHook', interval=1))
