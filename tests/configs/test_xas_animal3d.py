"""The config for Animal3D: what differs from people's, and what is read."""
from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, MODELS

from xas_mmpose.skeletons import ANIMAL3D_26

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
CONFIG = CONFIGS / 'xas_animal3d.py'


def test_it_differs_in_data_skeleton_and_body_alone(
        plain: Callable[[object], object]):
    animals = Config.fromfile(CONFIG)
    people = Config.fromfile(CONFIGS / 'xas_h36m.py')
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'stages',
                'custom_hooks', 'auto_scale_lr', 'randomness'):
        assert animals[key] == people[key], key
    ours, theirs = (config.model.to_dict() for config in (animals, people))
    table = ours['head'].pop('metainfo')
    theirs['head'].pop('metainfo')
    assert ours['head']['loss_symmetry'].pop('midpoints') == []
    theirs['head']['loss_symmetry'].pop('midpoints')
    assert ours['head'].pop('decoder') == dict(
        theirs['head'].pop('decoder'), depth_range=2.5, window=7)
    assert ours == theirs
    # Nothing of people's table is left in it.
    for found in (table, animals.train_dataloader.dataset.metainfo.to_dict(),
                  animals.dataset_info.to_dict()):
        assert plain(found) == plain(ANIMAL3D_26.metainfo())
        assert list(found['keypoint_info']) == list(range(26))
    # Only the crop differs in how pictures are treated.
    for key in ('train_pipeline', 'test_pipeline'):
        steps = [step for step in people[key]
                 if key[:5] == 'train' or 'Normalise' not in step.type]
        assert [step.type for step in animals[key]] == [
            step.type for step in steps]
        assert animals[key][2] == dict(type='GetCubeBox', rule='mask',
                                       cube_size=2900)
        assert animals[key][3:] == steps[3:]


def test_the_cube_is_that_of_the_synthetic_pairs(animal_pairs: Path,
                                                 animal3d_data: None):
    config = Config.fromfile(CONFIG)
    dataset = DATASETS.build(dict(
        config.train_dataloader.dataset.datasets[1],
        pipeline=config.load))
    cubes, depths = [], []
    for i in range(len(dataset)):
        sample = dataset[i]
        cubes.append(sample['cube_size'])
        depth = sample['keypoints_3d'][0, :, 2]
        depths.append((depth - depth[ANIMAL3D_26.root_index])
                      / sample['cube_size'])
    assert np.mean(cubes) == pytest.approx(2900, rel=0.15)
    # As deep as people's volumes are, one cube, they would not hold them.
    half = config.model.head.decoder.depth_range / 2
    assert np.mean(np.abs(depths) < half) > 0.95
    assert np.mean(np.abs(depths) < 0.5) < 0.9


def test_nothing_of_a_target_picture_is_known_but_its_mask(
        animal3d_data: None, monkeypatch: pytest.MonkeyPatch):
    # Whatever is set for the other configs.
    monkeypatch.setenv('XAS_CROP_RULE', 'root')
    dataset = DATASETS.build(
        Config.fromfile(CONFIG).train_dataloader.dataset)
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    assert [s.domain for s in samples] == ['target'] * 4 + ['synthetic'] * 6
    assert {s.crop_rule for s in samples} == {'mask'}
    for sample in samples[:4]:
        assert set(sample.gt_instances.keys()) == {
            'bboxes', 'bbox_scores', 'bbox_scales'}
        assert 'camera_param' not in sample
        assert sample.gt_instance_labels.keypoint_weights.sum() == 0
        assert list(sample.flip_indices) == list(ANIMAL3D_26.flip_indices)
    for sample in samples[4:]:
        assert sample.gt_instance_labels.keypoint_weights.sum() == 26


def test_no_test_picture_chooses_the_weights():
    assert Config.fromfile(CONFIG).default_hooks.checkpoint.save_best is None


@pytest.mark.parametrize('error', [0.0, 10.0])
def test_truth_fed_back_and_a_known_error(animal3d_data: None, error: float):
    config = Config.fromfile(CONFIG)
    dataset = DATASETS.build(config.test_dataloader.dataset)
    evaluator = Evaluator(config.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    rng = np.random.default_rng(0)
    for i in range(len(dataset)):
        sample = dataset[i]['data_samples']
        truth = sample.gt_instances
        # In any direction; the root is right by definition, and counts.
        away = rng.normal(size=(26, 3))
        away *= error * 26 / 25 / np.linalg.norm(away, axis=1, keepdims=True)
        away[ANIMAL3D_26.root_index] = 0
        sample.pred_instances = InstanceData(
            keypoints=truth.keypoints.copy(),
            hypotheses_3d=(truth.keypoints_3d + away)[:, None] - 700,
            hypothesis_scores=np.ones((1, 1, 26)))
        evaluator.process([sample])
    scores = evaluator.evaluate(len(dataset))
    assert round(scores['MPJPE/top1'], 2) == error
    assert round(scores['MPJPE/oracle/per-category'], 2) == error
    assert {'MPJPE/top1/cow', 'MPJPE/top1/fox', 'MPJPE/top1/horse'} < set(
        scores)
    assert (scores['P-MPJPE/top1'] < 0.01) == (error == 0)
    assert scores['2D/px'] == 0
    assert scores['PCK@0.05/per-category'] == 100


def test_the_documented_folder_of_ones_own(
        animal3d_data: None, fake_animal3d, tmp_path: Path):
    text = (CONFIGS.parent / 'docs/animals.md').read_text()
    code = text[text.index('# configs/my_animals.py'):].partition('```')[0]
    folder = tmp_path / 'my_animals'
    for name in ('images', 'masks'):
        shutil.copytree(fake_animal3d.root / name, folder / name)
    path = tmp_path / 'my_animals.py'
    path.write_text(code.replace("'./xas_animal3d.py'", repr(str(CONFIG)))
                    .replace("'data/my_animals'", repr(str(folder))))
    train = DATASETS.build(Config.fromfile(path).train_dataloader.dataset)
    assert [len(part) for part in train.datasets] == [4, 6]
    sample = train[0]['data_samples']
    assert sample.domain == 'target'
    assert sample.crop_rule == 'mask'
    assert list(sample.flip_indices) == list(ANIMAL3D_26.flip_indices)


def test_each_left_bone_is_compared_with_its_right_one():
    config = Config.fromfile(CONFIG)
    loss = MODELS.build(dict(config.model.head.loss_symmetry,
                             metainfo=config.model.head.metainfo))
    names = ANIMAL3D_26.keypoint_names
    compared = [[names[bone[0]] for bone in pair]
                for pair in loss.bones.tolist()]
    assert compared == [[name, name.replace('left_', 'right_')]
                        for name in names if name.startswith('left_')]
    for ends in loss.bones.tolist():
        for outer, inner in ends:
            assert ANIMAL3D_26.parent_indices[outer] == inner
    # A symmetric pose costs nothing, and each bone of one side does alone.
    flip = list(ANIMAL3D_26.flip_indices)
    pose = torch.randn(26, 3, generator=torch.Generator().manual_seed(0))
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    pose = (pose + pose[flip] * mirror)[None, None] / 2
    assert loss(pose) < 1e-12
    for pair in loss.bones.tolist():
        longer = pose.clone()
        outer, inner = pair[0]
        longer[..., outer, :] += 0.5 * (pose[..., outer, :]
                                        - pose[..., inner, :])
        assert loss(longer) > 1e-4
