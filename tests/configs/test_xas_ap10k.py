"""The config for AP-10K, and the real pictures of three such sets."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS, METRICS, MODELS
from torch import nn

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
CONFIG = CONFIGS / 'xas_ap10k.py'


def test_it_differs_from_animal3ds_in_its_pictures_alone():
    ours, other = (Config.fromfile(CONFIGS / f'xas_{name}.py')
                   for name in ('ap10k', 'animal3d'))
    for key in ('model', 'optim_wrapper', 'param_scheduler', 'train_cfg',
                'custom_hooks', 'train_pipeline', 'test_pipeline'):
        assert ours[key] == other[key], key
    assert ours.train_dataloader.dataset.metainfo == (
        other.train_dataloader.dataset.metainfo)


def test_the_sets_that_teach_watch_and_test(ap10k_data: None):
    config = Config.fromfile(CONFIG)
    train = DATASETS.build(config.train_dataloader.dataset)
    target, synthetic = train.datasets
    heldout = DATASETS.build(config.val_dataloader.dataset)
    # One of the three bodies is held out.
    assert [len(target), len(synthetic), len(heldout)] == [4, 4, 2]
    for i in range(4):
        sample = train[i]['data_samples']
        assert set(sample.gt_instances.keys()) == {
            'bboxes', 'bbox_scores', 'bbox_scales'}
        assert sample.gt_instance_labels.keypoint_weights.sum() == 0
    subjects = [{part.get_data_info(i)['subject'] for i in range(len(part))}
                for part in (synthetic, heldout)]
    assert not subjects[0] & subjects[1]
    test = DATASETS.build(config.test_dataloader.dataset)
    sample = test[0]['data_samples']
    assert sample.crop_rule == 'mask'
    assert 10 < sample.gt_instances.keypoints_visible.sum() <= 16
    assert 'keypoints_3d' not in sample.gt_instances


#: Set, and the annotations of its pictures that have a mask.
REAL = (('ap10k', 2), ('animalpose', 2), ('horse10', 2))


@pytest.fixture
def real_animals(sample_data: Path, tmp_path: Path) -> list[dict]:
    """Return options of the data sets of six real animals with masks."""
    options = []
    for name, num in REAL:
        content = json.loads(
            (sample_data / f'{name}/test_{name}.json').read_text())
        content['annotations'] = [
            entry for entry in content['annotations'] if next(
                (sample_data / f'masks/{name}').glob(f'*_{entry["id"]}.png'),
                None)]
        assert len(content['annotations']) == num
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
        options.append(dict(
            type='XasAnimalKeypointDataset',
            ann_file=str(tmp_path / f'{name}.json'), keypoint_set=name,
            mask_layout='annotation', data_prefix=dict(
                img=str(sample_data / name),
                mask=str(sample_data / 'masks' / name))))
    return options


def test_real_animals_train_and_are_predicted(
        real_animals: list[dict], ap10k_data: None,
        build_model: Callable[[Config], nn.Module]):
    config = Config.fromfile(CONFIG)
    config.model.backbone.init_cfg = None
    config.model.backbone.update(base_channels=8, stem_channels=8)
    config.model.head.update(in_channels=256, deconv_out_channels=[8, 8, 8])
    for loss in ('loss_skeleton_mask', 'loss_physique_mask'):
        config.model.head[loss].map_size = (32, 32)
    model = build_model(config)

    combined = config.train_dataloader.dataset
    combined.datasets = [*real_animals, combined.datasets[1]]
    train = DATASETS.build(combined)
    assert [len(part) for part in train.datasets] == [2, 2, 2, 4]
    batch = pseudo_collate([train[i] for i in range(8)])
    assert [s.domain for s in batch['data_samples']] == (
        ['target'] * 6 + ['synthetic'] * 2)
    losses = model.loss(**model.data_preprocessor(batch, training=True))
    assert {'loss_skeleton_mask', 'loss_physique_mask', 'loss_prior',
            'loss_symmetry', 'loss_synthetic'} < set(losses)
    assert all(torch.isfinite(loss) and loss > 0 for loss in losses.values())
    sum(losses.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())

    model.eval()
    metric = METRICS.build(dict(config.test_evaluator[0]))
    for options in real_animals:
        test = DATASETS.build(dict(
            options, carry_labels=True, test_mode=True,
            pipeline=config.test_pipeline))
        with torch.no_grad():
            samples = model.test_step(pseudo_collate([test[0], test[1]]))
        for sample in samples:
            assert sample.pred_instances.hypotheses_3d.shape == (1, 3, 26, 3)
            # The crop is around the animal, so in the picture or near it.
            box = sample.gt_instances.bboxes.reshape(2, 2)
            points = sample.pred_instances.keypoints[0, :, :2]
            assert (points > box[0] - 1).all()
            assert (points < box[1] + 1).all()
        metric.process(None, [sample.to_dict() for sample in samples])
    scores = metric.evaluate(6)
    # Untrained, it guesses the middle of the crop.
    assert 5 < scores['2D/crop'] < 60
    assert np.isfinite(scores['2D/px'])


def test_predictions_of_real_animals_are_drawn(
        real_animals: list[dict], ap10k_data: None, tmp_path: Path,
        small: Callable[[Config], dict], run_tool: Callable[..., None]):
    config = Config.fromfile(CONFIG)
    options = small(config)
    config.merge_from_dict(options)
    torch.save(dict(state_dict=MODELS.build(config.model).state_dict(),
                    meta={}), tmp_path / 'untrained.pth')
    real = {key: value for key, value in real_animals[1].items()
            if key not in ('type', 'data_prefix')}
    run_tool(
        'test', CONFIG, tmp_path / 'untrained.pth', '--work-dir',
        tmp_path / 'work', '--show-dir', tmp_path / 'drawn',
        options=options | {
            f'test_dataloader.dataset.{key}': value for key, value in {
                **real, 'categories': None, 'skip_unmasked': False,
                **{f'data_prefix.{key}': value for key, value
                   in real_animals[1]['data_prefix'].items()}}.items()})
    drawn = sorted((tmp_path / 'drawn').rglob('*.*'))
    assert [path.stem[:5] for path in drawn] == ['ca110', 'ho105']
    for path in drawn:
        picture = cv2.imread(str(path))
        # The crop, and beside it the hypotheses from two sides.
        assert picture.shape[1] > 2 * picture.shape[0]
        assert picture.std() > 20
