# Pictures of what is found, and all numbers, for TensorBoard: what
# `tools/train.py CONFIG --tensorboard` adds to a config (docs/drawing.md).
visualizer = dict(
    _delete_=True,
    type='HypothesisVisualizer',
    name='visualizer',
    vis_backends=[
        dict(type='LocalVisBackend'),
        dict(type='TensorboardVisBackend'),
    ])
default_hooks = dict(
    visualization=dict(
        _delete_=True,
        type='HypothesisVisualizationHook',
        enable=True,
        # The same few pictures of the validation set, again and again.
        num_pictures=8,
        train_interval=200,
        skeleton_masks=True))
model = dict(test_cfg=dict(output_depth_profiles=True))
