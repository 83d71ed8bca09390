"""Labels of every set, decoded as predictions are, score 0.00 mm."""
from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, METRICS

from xas_mmpose.geometry.cameras import (
    image_to_camera,
    normalised_to_patch,
    patch_to_image,
)
from xas_mmpose.render.authors_layout import (
    write_authors_index,
    write_authors_sample,
)


def human36m(request: pytest.FixtureRequest, lens: bool = False) -> dict:
    fake = request.getfixturevalue('fake_h36m')
    return dict(type='XasHuman36mDataset', carry_labels=True, lens=lens,
                **fake.options)


def mpi_inf_3dhp(request: pytest.FixtureRequest, points: str) -> dict:
    root = request.getfixturevalue('tmp_path')
    names = [f'S7_Seq2_Cam4_{i:06d}' for i in (1, 6)]
    rng = np.random.default_rng(0)
    poses = {key: rng.uniform([-500, -500, 3500], [500, 500, 4500],
                              (2, num, 3)) / 1000
             for key, num in (('S', 17), ('S18', 18))}
    np.savez(root / 'a.npz', **poses,
             imgname=np.array([f'{name}.jpg' for name in names]))
    (root / 'c.pkl').write_bytes(pickle.dumps({'S7_Seq2_Cam4': dict(
        R=np.eye(3), T=np.zeros((3, 1)), f=np.full((2, 1), 230.0),
        c=np.full((2, 1), 100.0), w=200, h=200)}))
    save_pictures(root, names, 200)
    return dict(type='XasMpiInf3dhpDataset', data_root=str(root),
                ann_file='a.npz', camera_param_file='c.pkl', points=points,
                data_prefix=dict(img='', mask=''), carry_labels=True)


def synthetic(request: pytest.FixtureRequest) -> dict:
    return dict(type='SyntheticPairDataset', domain='target',
                carry_labels=True,
                data_root=str(request.getfixturevalue('fake_synthetic')))


def authors_pairs(request: pytest.FixtureRequest) -> dict:
    root = request.getfixturevalue('tmp_path')
    rng = np.random.default_rng(0)
    for index in range(2):
        pose = rng.uniform([-700, -700, 5500], [700, 700, 6900], (18, 3))
        pose[0] = 4, -3, 6200
        pixels = pose[:, :2] / pose[:, 2:] * 64 * 6200 / 2000 + 32
        mask = np.zeros((64, 64), np.uint8)
        mask[5:60, 10:50] = 255
        write_authors_sample(root, index, np.dstack([mask] * 3), mask, pixels,
                             pose)
    write_authors_index(root, range(2))
    return dict(type='SurrealPoseDataset', data_root=str(root))


def zoo_mini(request: pytest.FixtureRequest) -> dict:
    return dict(type='XasZooMiniDataset', carry_labels=True,
                data_root=str(request.getfixturevalue('zoo_mini')),
                ann_file='annotation_body3d/fps10/h36m_test.npz',
                camera_param_file='annotation_body3d/cameras.pkl',
                data_prefix=dict(img='images', mask='masks'))


def online(request: pytest.FixtureRequest) -> dict:
    return dict(type='OnlineSyntheticPairDataset', num=2, settings=dict(
        num_subjects=2, scene=dict(image_size=32)))


def save_pictures(root: Path, names: list[str], size: int) -> None:
    """Write grey pictures with a mask in their middle."""
    mask = np.zeros((size, size), np.uint8)
    mask[size // 8:-size // 8, size // 4:-size // 4] = 255
    for name in names:
        cv2.imwrite(str(root / f'{name}.jpg'), np.full_like(mask, 99))
        cv2.imwrite(str(root / f'{name}.png'), mask)


def decoded(sample: Any, root_index: int) -> np.ndarray:
    """Return the labels (1, K, 3) in the camera frame, mm."""
    patch = normalised_to_patch(
        sample.gt_instance_labels.keypoint_labels.numpy().astype(float),
        sample.input_size, sample.cube_size)
    camera = sample.camera_param
    root = sample.gt_instances.keypoints_3d[0, root_index]
    return image_to_camera(
        patch_to_image(patch, sample.crop_affine, root[2]), camera['f'],
        camera['c'], camera.get('k'), camera.get('p'))


@pytest.mark.parametrize('rule', ['root', 'mask'])
@pytest.mark.parametrize('make, options', [
    (human36m, {}), (human36m, dict(lens=True)),
    (mpi_inf_3dhp, dict(points='S')), (mpi_inf_3dhp, dict(points='S18')),
    (zoo_mini, {}), (synthetic, {}), (authors_pairs, {}), (online, {})])
def test_truth_scores_nothing_and_10_mm_score_10(
        request: pytest.FixtureRequest, make: Any, options: dict, rule: str):
    dataset = DATASETS.build(dict(
        make(request, **options), test_mode=True, pipeline=[
            dict(type='LoadImage'), dict(type='LoadMask'),
            dict(type='GetCubeBox', rule=rule),
            dict(type='CubeAffine', input_size=(64, 64)),
            dict(type='RemoveBackground'),
            dict(type='NormaliseKeypoints3D'),
            dict(type='PackXasInputs')]))
    num, root = len(dataset.keypoint_names), dataset.root_index('')
    for error in (0.0, 10.0):
        metric = METRICS.build(dict(type='MultiHypothesisMPJPE',
                                    hypothesis_rules=('top1', )))
        metric.dataset_meta = dataset.metainfo
        for i in range(len(dataset)):
            sample = dataset[i]['data_samples']
            pose = decoded(sample, root)
            # The root, on which both are centred, stays where it is.
            away = error * num / (num - 1)
            pose[:, np.arange(num) != root] += [0.6 * away, 0, -0.8 * away]
            sample.pred_instances = InstanceData(
                hypotheses_3d=pose[:, None],
                hypothesis_scores=np.ones((1, 1, num)))
            metric.process(None, [sample.to_dict()])
        scores = metric.evaluate(len(dataset))
        assert scores['MPJPE/top1'] == pytest.approx(error, abs=2e-3)
