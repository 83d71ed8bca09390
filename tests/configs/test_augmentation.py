"""Each augmentation, and EMA, is switched by options of the command line."""
from __future__ import annotations

import argparse
import copy
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config, DictAction
from mmpose.registry import DATASETS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PIPELINE = 'train_dataloader.dataset.pipeline'
#: What docs/training.md names, and what changes when it is switched.
SWITCHES = {
    f'{PIPELINE}.3.prob': 'flip',
    f'{PIPELINE}.4.shift_prob': 'shift',
    f'{PIPELINE}.4.scale_prob': 'scale',
    f'{PIPELINE}.4.rotate_prob': 'rotation',
    f'{PIPELINE}.6.prob': 'colour',
}


read = functools.cache(Config.fromfile)


def with_options(name: str, *options: str) -> Config:
    """Return a config with options given as on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        default={})
    config = copy.deepcopy(read(CONFIGS / name))
    config.merge_from_dict(parser.parse_args(
        ['--cfg-options', *options] if options else []).cfg_options)
    return config


def sample_of(config: Config, fake_h36m, pipeline: str) -> dict[str, Any]:
    """Return the first target picture, and its crop taken apart."""
    target = dict(type='XasHuman36mDataset', carry_root=True,
                  **fake_h36m.options)
    np.random.seed(0)  # noqa: NPY002  as MMEngine seeds a training
    sample = DATASETS.build(dict(
        target, pipeline=config.train_dataloader.dataset.pipeline
        if pipeline == 'train' else config.test_pipeline))[0]
    data = sample['data_samples']
    linear = data.crop_affine[:, :2]
    return dict(
        image=sample['inputs'].numpy(),
        mask=data.gt_fields.masks.numpy(),
        shift=tuple(np.asarray(data.input_center).round(6)),
        # The box of a camera with f_x unlike f_y is a little anisotropic.
        scale=round(float(np.linalg.det(linear)), 9),
        rotation=round(float(np.arctan2(linear[1, 0], linear[0, 0])), 6))


def changes(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """Say what makes two samples of the same picture differ."""
    found = {key for key in ('shift', 'scale', 'rotation')
             if one[key] != other[key]}
    here, there = (s['mask'] > 127 for s in (one, other))
    # But for the outline's pixels.
    if found == {'shift'} and (here != there[..., ::-1]).mean() < 0.02:
        return {'flip'}
    if not found and np.array_equal(one['mask'], other['mask']) and (
            not np.array_equal(one['image'], other['image'])):
        return {'colour'}
    return found


@pytest.mark.parametrize('option', SWITCHES)
def test_each_is_switched_on_alone(option: str, fake_h36m):
    plain = sample_of(with_options('xas_h36m.py'), fake_h36m, 'test')
    # As in the paper nothing is augmented of itself.
    usual = sample_of(with_options('xas_h36m.py'), fake_h36m, 'train')
    assert np.array_equal(usual['image'], plain['image'])
    assert changes(usual, plain) == set()
    switched = sample_of(with_options('xas_h36m.py', f'{option}=1'),
                         fake_h36m, 'train')
    assert changes(switched, plain) == {SWITCHES[option]}


@pytest.mark.parametrize('option', SWITCHES)
def test_each_is_switched_off_alone(option: str, fake_h36m):
    others = [f'{o}=0' for o in SWITCHES if o != option]
    plain = sample_of(with_options('xas_mini.py'), fake_h36m, 'test')
    off = sample_of(with_options('xas_mini.py', *others, f'{option}=0'),
                    fake_h36m, 'train')
    assert np.array_equal(off['image'], plain['image'])
    assert changes(off, plain) == set()
    only = sample_of(with_options('xas_mini.py', *others, f'{option}=1'),
                     fake_h36m, 'train')
    assert changes(only, plain) == {SWITCHES[option]}


def test_ema_is_switched_on_for_any_config():
    switched = with_options(
        'xas_h36m.py', 'default_hooks.ema.type=EMAHook',
        'default_hooks.ema.ema_type=ExponentialMovingAverage',
        'default_hooks.ema.momentum=0.005',
        'default_hooks.ema.update_buffers=True')
    assert switched.default_hooks.ema == with_options(
        'xas_mini_ema.py').default_hooks.ema
