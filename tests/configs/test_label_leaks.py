"""No annotation of a target picture reaches the training."""
from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
RUNS = itertools.count()
LOSSES = ['loss_physique_mask', 'loss_prior', 'loss_skeleton_mask',
          'loss_symmetry', 'loss_synthetic', 'loss_synthetic_likelihood']
#: Configs of stage 2, in which all losses are on, and the one that is not
#: among those above.
PEOPLE = {'xas_mini_s2': [], 'xas_mini_full_s2': ['loss_teacher']}
ANIMALS = {'xas_zoo_mini_full_s2': ['loss_teacher'], 'xas_animal3d': [],
           'xas_ap10k': []}


class NoteHook(Hook):
    """Notes all losses, the discriminator's too."""

    priority = 'LOW'

    def __init__(self) -> None:
        self.losses: list[dict[str, float]] = []

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: Any = None, outputs: Any = None) -> None:
        prior = {name: float(scalar.current()) for name, scalar
                 in runner.message_hub.log_scalars.items() if 'prior/' in name}
        self.losses.append({**{k: float(v.detach())
                               for k, v in outputs.items()},
                            **prior})


@pytest.fixture
def train(small: Callable[[Config], dict], tmp_path: Path,
          monkeypatch: pytest.MonkeyPatch):
    """Return a function that trains by a shipped config, made quick."""
    monkeypatch.setattr(Config, 'pretty_text', '')

    def train(name: str, crop_rule: str,
              **options: Any) -> tuple[list, list]:
        """Return the losses of four iterations, and all weights then."""
        monkeypatch.setenv('XAS_CROP_RULE', crop_rule)
        config = Config.fromfile(CONFIGS / f'{name}.py')
        config.merge_from_dict({
            key: value for key, value in small(config).items()
            if key.startswith('model.')})
        loader = config.train_dataloader
        loader.update(num_workers=0, persistent_workers=False, batch_size=5)
        loader.sampler.update(samples_per_source=[3, 2], num_batches=4)
        # It would set other numbers.
        config.custom_hooks = [hook for hook in config.custom_hooks
                               if hook.type != 'StageScheduleHook']
        target, synthetic = loader.dataset.datasets
        target.update(options)
        synthetic.split = None
        for key in ('val_dataloader', 'val_cfg', 'val_evaluator', 'load_from',
                    'test_dataloader', 'test_cfg', 'test_evaluator'):
            config[key] = None
        config.default_hooks.checkpoint = None
        config.default_hooks.pop('visualization', None)
        config.train_cfg.update(max_epochs=1)
        config.work_dir, config.log_level = str(tmp_path / 'work'), 'ERROR'
        config.experiment_name = f'leaks_{next(RUNS)}'
        runner = Runner.from_cfg(config)
        note = NoteHook()
        runner.register_hook(note)
        runner.train()
        state = dict(state_dict=runner.model.state_dict(),
                     optimizer=runner.optim_wrapper.state_dict())
        runner.call_hook('before_save_checkpoint', checkpoint=state)
        assert len(note.losses) == 4
        for losses in note.losses:
            assert {*LOSSES, *(PEOPLE | ANIMALS)[name]} < set(losses)
            assert 'train/prior/loss_discriminator' in losses
            assert all(np.isfinite(list(losses.values())))
        return note.losses, list(tensors(state))

    return train


def tensors(state: Any):
    """Yield all tensors of a nested state."""
    if isinstance(state, torch.Tensor):
        yield state
    elif isinstance(state, dict | list | tuple):
        for part in (state.values() if isinstance(state, dict) else state):
            yield from tensors(part)


def same(a: tuple[list, list], b: tuple[list, list]) -> bool:
    """Say whether two trainings are equal, bit for bit."""
    assert len(a[1]) == len(b[1]) > 300
    return a[0] == b[0] and all(map(torch.equal, a[1], b[1]))


def annotate(fake_h36m, keep_root: bool, shift: float = 0.0) -> None:
    """Replace annotations by NaN: 2D, 3D, boxes, and the root or not.

    Args:
        fake_h36m: The data set.
        keep_root: Whether the root's 3D place stays.
        shift: How far it is moved, in metres.
    """
    path = fake_h36m.root / 'annotations/h36m_train.npz'
    arrays = dict(np.load(path))
    root = arrays['S'][:, 0].copy()
    for name in set(arrays) - {'imgname'}:
        arrays[name] = np.full_like(arrays[name], np.nan)
    if keep_root:
        arrays['S'][:, 0] = root
        arrays['S'][:, 0, 0] += shift
    np.savez(path, **arrays)


@pytest.fixture
def people(fake_h36m, synthetic_data: None) -> dict:
    """Return options that make a config's target set the fake one."""
    return fake_h36m.options


@pytest.mark.parametrize('name, carry_labels', [
    ('xas_mini_s2', False), ('xas_mini_s2', True),
    ('xas_mini_full_s2', True)])
def test_with_mask_crops_no_annotation_is_read(
        train, fake_h36m, people: dict, name: str, carry_labels: bool):
    # Even where the data set hands them on, as for a validation.
    options = dict(people, carry_labels=carry_labels)
    before = train(name, 'mask', **options)
    annotate(fake_h36m, keep_root=False)
    assert same(train(name, 'mask', **options), before)


@pytest.mark.parametrize('name', PEOPLE)
def test_with_root_crops_the_root_alone_is_read(
        train, fake_h36m, people: dict, name: str):
    before = train(name, 'root', **people)
    annotate(fake_h36m, keep_root=True)
    assert same(train(name, 'root', **people), before)
    annotate(fake_h36m, keep_root=True, shift=0.05)
    moved = train(name, 'root', **people)
    assert not same(moved, before)
    assert all(a != b for a, b in zip(moved[0], before[0]))
    annotate(fake_h36m, keep_root=False)
    with pytest.raises(ValueError, match='annotated root'):
        train(name, 'root', **people)


def blank_zoo(root: Path) -> None:
    """Replace every annotation of XaS-Zoo-Mini's training pictures by NaN."""
    path = root / 'annotation_body3d/fps10/h36m_train.npz'
    arrays = dict(np.load(path))
    np.savez(path, **{
        key: value if key == 'imgname' else np.full_like(value, np.nan)
        for key, value in arrays.items()})


def blank_json(path: Path, rows: str, kept: set[str]) -> None:
    """Replace all of a file's rows by NaN but what they keep."""
    content = json.loads(path.read_text())
    for row in content[rows]:
        row.update(dict.fromkeys(set(row) - kept, float('nan')))
    path.write_text(json.dumps(content))


@pytest.fixture
def animals(request: pytest.FixtureRequest, tmp_path: Path,
            monkeypatch: pytest.MonkeyPatch) -> dict:
    """Return what blanks the annotations of a config, by its name."""
    for name in ('zoo_data', 'ap10k_data'):  # and so animal3d_data
        request.getfixturevalue(name)
    zoo = tmp_path / 'zoo'
    shutil.copytree(request.getfixturevalue('zoo_root') / 'zoo', zoo)
    monkeypatch.setenv('XAS_ZOO_MINI_ROOT', str(zoo))
    return dict(
        xas_zoo_mini_full_s2=lambda: blank_zoo(zoo),
        xas_animal3d=lambda: blank_json(
            tmp_path / 'animal3d/train.json', 'data',
            {'img_path', 'mask_path', 'category', 'supercategory'}),
        xas_ap10k=lambda: blank_json(
            tmp_path / 'ap10k/annotations/ap10k-train-split1.json',
            'annotations', {'id', 'image_id', 'category_id', 'iscrowd'}))


@pytest.mark.parametrize('name', ANIMALS)
def test_of_animals_no_annotation_is_read(train, animals: dict, name: str):
    # XaS-Zoo-Mini's reader hands its labels on, whatever they are.
    options = dict(carry_labels=True) if 'zoo' in name else {}
    before = train(name, 'root', **options)
    animals[name]()
    assert same(train(name, 'root', **options), before)
