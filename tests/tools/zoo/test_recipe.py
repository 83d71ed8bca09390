"""A recipe's command makes the run again."""
from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[3]

CONFIG = """
crop_rule = '{{{{$XAS_CROP_RULE:root}}}}'
model = dict(backbone=dict(depth=18))
train_dataloader = dict(dataset=dict(
    data_root={root!r}, pipeline=[dict(type='GetCubeBox', rule=crop_rule)]))
train_cfg = dict(max_epochs=2, val_interval={interval})
default_hooks = dict(logger=dict(interval={interval}),
                     ema=dict(type='EMAHook', momentum={momentum}))
custom_hooks = [dict(type='AdversarialPriorHook', seed={seed})]
randomness = dict(seed={seed})
"""


@pytest.fixture(scope='module')
def recipe() -> Iterator[ModuleType]:
    """Return the module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / 'tools'))
        yield importlib.import_module('zoo.recipe')
        # Nothing of the tools stays importable.
        for name in [n for n in sys.modules
                     if n.split('.')[0] in ('zoo', 'model_converters')]:
            del sys.modules[name]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the config in a repository."""
    monkeypatch.delenv('XAS_CROP_RULE', raising=False)
    path = tmp_path / 'tiny.py'
    path.write_text(CONFIG.format(root='data', interval=1, momentum=0.1,
                                  seed=0))
    return path


def as_run(path: Path, rule: str = 'root', **settings: object) -> Config:
    """Return the config with some settings, as a run dumps it."""
    text = CONFIG.format(**{**dict(root='/x/y/z', interval=5, momentum=0.1,
                                   seed=0), **settings})
    other = path.with_name('ran.py')
    other.write_text(text.replace('RULE:root', f'RULE:{rule}'))
    return Config.fromfile(other)


def test_places_and_prints_make_no_other_run(path, recipe):
    made = recipe.Recipe(path, as_run(path), recipe.TRAINING)
    assert made.options == {}
    assert made.is_plain
    assert made.command('train', 'tiny.py') == 'python tools/train.py tiny.py'


def test_a_hook_that_changes_the_weights_does(path, recipe):
    made = recipe.Recipe(path, as_run(path, momentum=0.2), recipe.TRAINING)
    assert made.options == {'default_hooks.ema.momentum': 0.2}
    assert not made.is_plain


def test_the_options_give_what_was_run(path, recipe, monkeypatch):
    ran = as_run(path, rule='mask', seed=4, root='data', interval=1)
    ran.load_from = '/home/me/runs/first/epoch_1.pth'
    made = recipe.Recipe(path, ran, recipe.TRAINING)
    assert made.is_plain
    assert 'XAS_CROP_RULE' not in os.environ
    assert made.command('train', 'configs/tiny.py') == (
        'XAS_CROP_RULE=mask python tools/train.py configs/tiny.py '
        '--cfg-options custom_hooks.0.seed=4 randomness.seed=4 '
        'load_from=first/epoch_1.pth')
    monkeypatch.setenv('XAS_CROP_RULE', 'mask')
    again = Config.fromfile(path)
    assert again.get('randomness') != ran.randomness
    again.merge_from_dict(made.options)
    assert again.to_dict() == ran.to_dict()


def test_the_environment_is_left_as_it_was(path, recipe, monkeypatch):
    monkeypatch.setenv('XAS_CROP_RULE', 'mask')
    made = recipe.Recipe(path, as_run(path), recipe.TEST)
    assert os.environ['XAS_CROP_RULE'] == 'mask'
    assert made.options == {}


def test_what_lacks_settings_is_another_config(path, recipe):
    ran = as_run(path)
    del ran.model.backbone
    with pytest.raises(ValueError, match=r'lacks model\.backbone\.depth\.'):
        recipe.Recipe(path, ran, recipe.TRAINING)


def test_a_protocol_is_named_instead_of_what_it_replaces(path, recipe):
    protocol = path.with_name('other.py')
    protocol.write_text(
        "test_evaluator = dict(_delete_=True, type='Other', joints=17)\n")
    path.write_text(path.read_text() + (
        "test_evaluator = dict(type='Usual', per_action=True)\n"))
    ran = as_run(path)
    ran.test_evaluator = dict(type='Other', joints=14)
    ran.protocol = str(protocol)
    made = recipe.Recipe(path, ran, recipe.TEST)
    assert made.options == {'test_evaluator.joints': 14}
    words = made.command('test', 'tiny.py', 'a.pth').split()
    assert words[:5] == ['python', 'tools/test.py', 'tiny.py', 'a.pth',
                         '--protocol']
    assert words[6:] == ['--cfg-options', 'test_evaluator.joints=14']
    # One of this repository, by name.
    ran.protocol = 'multi_view'
    ran.test_evaluator = dict(type='MultiViewMPJPE')
    made = recipe.Recipe(path, ran, recipe.TEST)
    assert made.options == {}
    assert made.command('test', 'tiny.py', 'a.pth').endswith(
        ' a.pth --protocol multi_view')
