"""Slips of the pen in options are refused, new settings are not."""
from __future__ import annotations

import pytest
from mmengine.config import Config

from xas_mmpose.engine.config_options import merge_options


@pytest.fixture
def config() -> Config:
    return Config(dict(
        model=dict(type='A', head=dict(loss_symmetry=dict(
            midpoint_weight=0.1))),
        train_cfg=dict(max_epochs=3),
        train_dataloader=dict(batch_size=4),
        custom_hooks=[dict(type='X'), dict(type='Y', stages=[dict(begin=1)])],
        default_hooks=dict(checkpoint=dict(interval=1))))


def test_settings_are_replaced_and_added(config: Config):
    merge_options(config, {
        'train_cfg.max_epochs': 5, 'custom_hooks.1.stages.0.begin': 7,
        # What was not there, and looks like nothing that was.
        'default_hooks.ema.type': 'EMAHook', 'resume': True,
        'randomness.seed': 3, 'find_unused_parameters': True,
        'model.head.loss_symmetry.midpoint_2d_weight': 0.2,
        'model.backbone.init_cfg': None, 'train_cfg.val_begin': 2})
    assert config.train_cfg == dict(max_epochs=5, val_begin=2)
    assert config.custom_hooks[1].stages[0].begin == 7
    assert config.default_hooks.ema.type == 'EMAHook'
    assert (config.resume, config.randomness.seed) == (True, 3)
    assert config.model.head.loss_symmetry == dict(
        midpoint_weight=0.1, midpoint_2d_weight=0.2)


@pytest.mark.parametrize('key, message', [
    ('train_dataloder.batch_size',
     "no setting 'train_dataloder'; do you mean 'train_dataloader'"),
    ('banana', "no setting 'banana'$"),
    ('resum', "no setting 'resum'; do you mean 'resume'"),
    ('default_hooks.checkpoints.interval',
     "default_hooks has no 'checkpoints'; do you mean 'checkpoint'"),
    ('default_hooks.checkpoint.intervall', "do you mean 'interval'"),
    ('train_cfg.max_epoch', "train_cfg has no 'max_epoch'; do you mean"),
    ('custom_hooks.2.stages', "numbers 0 to 1, without '2'"),
    ('custom_hooks.first.stages', "without 'first'"),
])
def test_slips_are_refused_and_change_nothing(key: str, message: str,
                                              config: Config):
    before = config.to_dict()
    with pytest.raises(ValueError, match=rf'--cfg-options {key}: .*{message}'):
        merge_options(config, {'resume': True, key: 5})
    assert config.to_dict() == before
