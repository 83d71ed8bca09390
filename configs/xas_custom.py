# X as Supervision on a folder of one's own pictures with masks.
_base_ = [
    './_base_/models/xas_res50.py',
    './_base_/datasets/xas_custom.py',
    './_base_/schedules/xas_adam_50e.py',
]

custom_imports = dict(imports=['xas_mmpose'], allow_failed_imports=False)

model = dict(head=dict(metainfo={{_base_.dataset_info}}))

# Resuming goes on with the same order of pictures.
randomness = dict(seed=0)

custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='PretrainedWeightsHook'),
]
# No best one: no number here is of the pictures themselves.
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=3))
