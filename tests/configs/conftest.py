"""What the tests of configs share: small data sets, models, the tools.

A fixture ``..._data`` writes a set in its official layout and lets the
configs find it by their ``XAS_..._ROOT``.
"""
from __future__ import annotations

import itertools
import json
import pickle
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn

from xas_mmpose.datasets.animal_joint_tables import ANIMAL_KEYPOINT_SETS
from xas_mmpose.datasets.datasets.tiktok import TIKTOK_SPLITS
from xas_mmpose.datasets.mmpose_layout import write_annotations
from xas_mmpose.render.studio import XasMiniSettings, write_studio_set
from xas_mmpose.render.synthetic_set import (
    SyntheticSetSettings,
    write_synthetic_set,
)
from xas_mmpose.skeletons import ANIMAL3D_26

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs'
#: MMEngine wants every run of a process to have a name of its own.
RUNS = itertools.count()


@pytest.fixture(scope='package')
def mini_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of XaS-Mini with a few small pictures."""
    root = tmp_path_factory.mktemp('mini') / 'xas_mini'
    write_studio_set(root, XasMiniSettings(
        frames=1, image_size=96, subjects=('S1', 'S9'),
        actions=('Walking', ), body='human'), progress=False)
    return root


@pytest.fixture
def synthetic_data(fake_synthetic: Path,
                   monkeypatch: pytest.MonkeyPatch) -> None:
    """Write six synthetic pairs."""
    monkeypatch.setenv('XAS_SYNTHETIC_ROOT', str(fake_synthetic))


@pytest.fixture
def mini_data(mini_root: Path, synthetic_data: None,
              monkeypatch: pytest.MonkeyPatch) -> None:
    """Write XaS-Mini, which stands for Human3.6M, too."""
    monkeypatch.setenv('XAS_MINI_ROOT', str(mini_root))
    monkeypatch.setenv('XAS_H36M_ROOT', str(mini_root))


@pytest.fixture(scope='package')
def zoo_root(tmp_path_factory: pytest.TempPathFactory,
             zoo_mini: Path) -> Path:
    """Return a folder with a few small pictures and pairs of animals."""
    root = tmp_path_factory.mktemp('zoo')
    shutil.copytree(zoo_mini, root / 'zoo')
    write_synthetic_set(root / 'pairs', SyntheticSetSettings(
        num=4, body='horse,husky'), progress=False)
    return root


@pytest.fixture
def zoo_data(zoo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write XaS-Zoo-Mini and pairs of other animals."""
    monkeypatch.setenv('XAS_ZOO_MINI_ROOT', str(zoo_root / 'zoo'))
    monkeypatch.setenv('XAS_SYNTHETIC_QUADRUPEDS_ROOT',
                       str(zoo_root / 'pairs'))


@pytest.fixture
def mpi_data(tmp_path: Path, synthetic_data: None,
             monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a picture of four people of MPI-INF-3DHP each."""
    rng, size = np.random.default_rng(0), 120
    names = [f'S{i}_Seq1_Cam0_000001.jpg' for i in (1, 6, 7, 8)]
    cameras = {name[:12]: dict(
        R=np.eye(3), T=np.zeros((3, 1)), f=np.full((2, 1), 150.0),
        c=np.full((2, 1), 60.0), w=size, h=size, name='x') for name in names}
    points = rng.uniform([-700, -700, 3900], [700, 700, 4100], (4, 17, 3))
    root = tmp_path / 'mpi'
    for name in names:
        _save_person(root, name, size, size, rng)
    write_annotations(
        root / 'annotations/mpi_inf_3dhp_train.npz', names,
        points[..., :2] / points[..., 2:] * 150 + 60, points,
        np.ones((4, 17)))
    (root / 'annotations/cameras_train.pkl').write_bytes(
        pickle.dumps(cameras, 2))
    monkeypatch.setenv('XAS_MPI_INF_3DHP_ROOT', str(root))


@pytest.fixture
def wild_data(tmp_path: Path, mini_data: None,
              monkeypatch: pytest.MonkeyPatch) -> None:
    """Write XaS-Mini, two people of MPII, and TikTok's videos."""
    rng = np.random.default_rng(0)
    for i in range(2):
        _save_person(tmp_path / 'mpii', f'{i}.jpg', 60, 100, rng)
    (tmp_path / 'mpii/annotations').mkdir()
    (tmp_path / 'mpii/annotations/mpii_train.json').write_text(json.dumps([
        dict(image=f'{i}.jpg', center=[30.0, 50.0], scale=0.4,
             joints=rng.uniform(20, 60, (16, 2)).tolist(),
             joints_vis=[1] * 16) for i in range(2)]))
    # One frame is left of each of the authors' videos.
    image, mask = _person(60, 100, rng)
    data = {name: cv2.imencode('.png', picture)[1].tobytes()
            for name, picture in (('images', image), ('masks', mask))}
    for video in TIKTOK_SPLITS['train']:
        for name, content in data.items():
            folder = tmp_path / f'tiktok/{video:05d}/{name}'
            folder.mkdir(parents=True)
            for frame in range(1, 42):
                (folder / f'{frame:04d}.png').write_bytes(content)
    for name in ('mpii', 'tiktok'):
        monkeypatch.setenv(f'XAS_{name.upper()}_ROOT', str(tmp_path / name))


@pytest.fixture
def animal3d_data(fake_animal3d, animal_pairs: Path,
                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Write four pictures of Animal3D, and six pairs of other animals."""
    monkeypatch.setenv('XAS_ANIMAL3D_ROOT', str(fake_animal3d.root))
    monkeypatch.setenv('XAS_SYNTHETIC_ANIMALS_ROOT', str(animal_pairs))


@pytest.fixture
def ap10k_data(fake_animal3d, animal3d_data: None, tmp_path: Path,
               monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the same pictures as those of AP-10K."""
    entries = json.loads(
        (fake_animal3d.root / 'test.json').read_text())['data']
    root, names = tmp_path / 'ap10k', [
        name or 'tail_mid' for name in ANIMAL_KEYPOINT_SETS['ap10k'].values()]
    order = [ANIMAL3D_26.index(name) for name in names]
    images, annotations = [], []
    for i, entry in enumerate(entries):
        for key, folder, ending in (('img_path', 'data', 'jpg'),
                                    ('mask_path', 'masks/train', 'png'),
                                    ('mask_path', 'masks/test', 'png')):
            (root / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(fake_animal3d.root / entry[key],
                        root / f'{folder}/{i:012d}.{ending}')
        images.append(dict(id=i, file_name=f'{i:012d}.jpg',
                           width=entry['width'], height=entry['height']))
        annotations.append(dict(
            id=i, image_id=i, category_id=1, iscrowd=0, bbox=entry['bbox'],
            keypoints=np.array(entry['keypoint_2d'])[order].ravel().tolist()))
    (root / 'annotations').mkdir()
    for split in ('train', 'test'):
        (root / f'annotations/ap10k-{split}-split1.json').write_text(
            json.dumps(dict(
                images=images, annotations=annotations, categories=[
                    dict(id=1, name='cow', supercategory='Bovidae')])))
    monkeypatch.setenv('XAS_AP10K_ROOT', str(root))


@pytest.fixture
def own_data(tmp_path: Path, synthetic_data: None,
             monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a folder of two pictures and their masks, and no more."""
    rng = np.random.default_rng(0)
    for i, size in enumerate([(80, 120), (120, 80)]):
        _save_person(tmp_path / 'own', f'{i}.jpg', *size, rng)
    monkeypatch.setenv('XAS_CUSTOM_ROOT', str(tmp_path / 'own'))


def _person(width: int, height: int, rng: np.random.Generator
            ) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture and the mask of a box in it."""
    mask = np.zeros((height, width), np.uint8)
    mask[height // 5:4 * height // 5, width // 3:3 * width // 4] = 255
    return rng.integers(0, 255, (height, width, 3), dtype=np.uint8), mask


def _save_person(root: Path, name: str, width: int, height: int,
                 rng: np.random.Generator) -> None:
    """Write ``images/NAME.jpg`` and ``masks/NAME.png``."""
    for folder, picture in zip(('images', 'masks'),
                               _person(width, height, rng)):
        path = (root / folder / name).with_suffix(
            '.jpg' if folder == 'images' else '.png')
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture)


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that runs a tool as from the command line."""
    # MMEngine writes each config into the work dir, which takes 8 s.
    monkeypatch.setattr(Config, 'pretty_text', '')
    monkeypatch.setenv('LOCAL_RANK', '0')

    def run(tool: str, *args: object, options: dict[str, object]) -> None:
        """Run ``tools/TOOL.py`` with arguments and ``--cfg-options``."""
        path, name = ROOT / 'tools' / f'{tool}.py', f'run-{next(RUNS)}'
        # An earlier run's visualizer would write into its own work dir.
        options = options | {'experiment_name': name, 'visualizer.name': name}
        monkeypatch.setattr(sys, 'argv', [
            str(path), *map(str, args), '--cfg-options',
            *(f'{key}={value}'.replace(' ', '')
              for key, value in options.items())])
        runpy.run_path(str(path), run_name='__main__')

    return run


@pytest.fixture
def small() -> Callable[[Config], dict[str, object]]:
    """Return a function that gives the options to make a config quick.

    Its structure stays. An epoch is a step, each stage of a training an
    epoch, and there are two.
    """

    def small(config: Config) -> dict[str, object]:
        model, datasets = config.model, config.train_dataloader.dataset
        ones = [1] * len(datasets.datasets)
        options = {f'{name}_dataloader.{key}': 0
                   for name in ('train', 'val', 'test')
                   for key in ('num_workers', 'persistent_workers')}
        options.update({
            'log_level': 'ERROR', 'default_hooks.logger.interval': 1,
            'model.backbone.init_cfg': None,
            'model.backbone.base_channels': 8,
            'model.backbone.stem_channels': 8,
            'model.head.in_channels': (
                256 if model.backbone.depth == 50 else 64),
            'model.head.deconv_out_channels': [8] * len(
                model.head.deconv_out_channels),
            'train_dataloader.batch_size': sum(ones),
            'train_dataloader.sampler.samples_per_source': ones,
            'train_dataloader.sampler.num_batches': 1,
            'train_cfg.max_epochs': 2, 'train_cfg.val_interval': 2,
        })
        for loss in ('loss_skeleton_mask', 'loss_physique_mask'):
            if model.head.get(loss):
                options[f'model.head.{loss}.map_size'] = [32, 32]
        for number, hook in enumerate(config.custom_hooks):
            place = f'custom_hooks.{number}'
            if hook.type == 'AdversarialPriorHook':
                options[f'{place}.discriminator.channels'] = 8
                options[f'{place}.discriminator.header_channels'] = 16
            for epoch, stage in enumerate(hook.get('stages', [])):
                options[f'{place}.stages.{epoch}.begin'] = epoch
                if 'samples_per_source' in stage:
                    options[f'{place}.stages.{epoch}.samples_per_source'] = (
                        ones)
        return options

    return small


@pytest.fixture
def build_model() -> Callable[[Config], nn.Module]:
    """Return a function that builds a config's model.

    Where the config has a prior its discriminator judges, as in training.
    """

    def build(config: Config) -> nn.Module:
        torch.manual_seed(0)
        model = MODELS.build(config.model)
        model.init_weights()
        for hook in config.get('custom_hooks', []):
            if hook.type == 'AdversarialPriorHook':
                model.head.pretext.judge = MODELS.build(dict(
                    hook.discriminator,
                    metainfo=config.model.head.metainfo)).score
        return model

    return build


@pytest.fixture
def check_prediction() -> Callable[[nn.Module, Config], PoseDataSample]:
    """Return a function that predicts a config's first test sample.

    It returns the sample, which has three finite hypotheses of 18 joints.
    """

    def check(model: nn.Module, config: Config) -> PoseDataSample:
        model.eval()
        batch = next(iter(Runner.build_dataloader(config.test_dataloader)))
        with torch.no_grad():
            sample = model.test_step(batch)[0]
        hypotheses = sample.pred_instances.hypotheses_3d
        assert hypotheses.shape == (1, 3, 18, 3)
        assert np.isfinite(hypotheses).all()
        return sample

    return check


@pytest.fixture
def load(fake_h36m, fake_synthetic: Path, tmp_path: Path,
         monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    """Return a function that loads a config, made quick to train.

    It validates and tests nothing, and its batches are 2 + 2.
    """
    # MMEngine writes each config into the work dir, which takes 8 s.
    monkeypatch.setattr(Config, 'pretty_text', '')

    def load(name: str) -> Config:
        config = Config.fromfile(CONFIGS / f'{name}.py')
        config.model.backbone.init_cfg = None
        config.model.backbone.update(base_channels=8, stem_channels=8)
        head = config.model.head
        head.in_channels = 256 if config.model.backbone.depth == 50 else 64
        head.deconv_out_channels = [8] * len(head.deconv_out_channels)
        loader = config.train_dataloader
        loader.update(num_workers=0, persistent_workers=False, batch_size=4)
        loader.sampler.update(samples_per_source=[2, 2], num_batches=2)
        for hook in config.get('custom_hooks', []):
            for stage in hook.get('stages', []):
                stage.pop('samples_per_source', None)
        loader.dataset.datasets = [
            dict(type='XasHuman36mDataset', carry_labels=False,
                 carry_root=True, **fake_h36m.options),
            dict(type='SyntheticPairDataset', ann_file='annotations.json',
                 data_root=str(fake_synthetic))
        ]
        for key in ('val_dataloader', 'val_cfg', 'val_evaluator',
                    'test_dataloader', 'test_cfg', 'test_evaluator'):
            config[key] = None
        config.default_hooks.checkpoint = dict(
            type='CheckpointHook', interval=1)
        config.default_hooks.pop('visualization', None)
        config.work_dir = str(tmp_path / 'work' / name)
        config.log_level = 'ERROR'
        config.load_from = None
        return config

    return load


@pytest.fixture
def plain() -> Callable[[object], object]:
    """Return a function that makes values of configs comparable."""

    def plain(value: object) -> object:
        """Turn tuples into lists, which a config file cannot tell apart."""
        if isinstance(value, dict):
            return {key: plain(v) for key, v in value.items()}
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        return value

    return plain
