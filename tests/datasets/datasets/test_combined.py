from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmpose.registry import DATASETS, TRANSFORMS
from torch.utils.data import DataLoader

from xas_mmpose.datasets.samplers import (
    PairedBatchSampler,
    PairedSourceSampler,
)
from xas_mmpose.skeletons import HUMAN36M_18


@TRANSFORMS.register_module(force=True)
class _Dice(BaseTransform):
    """Throws one die of each global generator."""

    def transform(self, results: dict) -> dict:
        dice = (float(np.random.rand()),  # noqa: NPY002
                random.random(), float(torch.rand(())))
        results['dice'] = [*results.get('dice', ()), dice]
        return results


AUGMENTATION = [
    dict(type='GetCubeBox'),
    # Both MMPose's and mmcv's own draw from numpy's global generator.
    dict(type='RandomFlipPose3D', prob=0.5),
    dict(type='RandomCubeTransform'),
    dict(type='CubeAffine', input_size=(32, 32)),
    dict(type='PhotometricDistortion'),
    dict(type='_Dice'),
]


def combined(fake_synthetic, metainfo: dict | None = None,
             subset: dict | None = None, sources: int = 1, pipeline=()):
    # The sources' own pipelines may draw, too.
    own = [dict(type='LoadImage'), dict(type='LoadMask'), dict(type='_Dice')]
    return DATASETS.build(dict(
        type='XasCombinedDataset', pipeline=pipeline,
        metainfo=metainfo or HUMAN36M_18.metainfo(),
        datasets=[dict(type='SyntheticPairDataset', metainfo=subset,
                       data_root=str(fake_synthetic), pipeline=own)] *
        sources))


def shown(dataset, epochs, num_workers=0):
    """Return all that is random in the samples of some epochs."""
    sampler = PairedSourceSampler(dataset, [2, 1], num_batches=4, seed=9)
    loader = DataLoader(
        dataset, batch_sampler=PairedBatchSampler(sampler, 3),
        num_workers=num_workers, persistent_workers=num_workers > 0,
        collate_fn=list)
    samples = []
    for epoch in epochs:
        sampler.set_epoch(epoch)
        for batch in loader:
            samples += [
                (item['img_id'], item['img'].tobytes(),
                 item['crop_affine'].tobytes(), item['flip'], item['dice'])
                for item in batch]
    return samples


def test_augmentation_depends_on_the_draw_alone(fake_synthetic):
    dataset = combined(fake_synthetic, sources=2, pipeline=AUGMENTATION)
    np.random.seed(1)  # noqa: NPY002
    whole = shown(dataset, range(3))
    # A training that goes on, in another state of the generators.
    np.random.seed(2)  # noqa: NPY002
    for num_workers in (0, 1, 2):
        assert shown(dataset, [1, 2], num_workers) == whole[12:]
    # Six pictures, drawn six times each: no two crops are alike.
    assert len(whole) == 36
    assert len({sample[2] for sample in whole}) == 36
    assert len({sample[1] for sample in whole}) == 36
    dice = [die for sample in whole for pair in sample[4] for die in pair]
    assert len(dice) == len(set(dice)) == 36 * 2 * 3
    assert 6 < sum(sample[3] for sample in whole) < 30


def test_a_plain_index_draws_from_the_generators_as_they_stand(
        fake_synthetic):
    dataset = combined(fake_synthetic, pipeline=AUGMENTATION)
    np.random.seed(1)  # noqa: NPY002
    first, second = dataset[0], dataset[0]
    assert (first['crop_affine'] != second['crop_affine']).any()
    np.random.seed(1)  # noqa: NPY002
    np.testing.assert_array_equal(dataset[0]['crop_affine'],
                                  first['crop_affine'])


def as_text_sorts(metainfo: dict) -> dict:
    info = metainfo['keypoint_info']
    return {**metainfo,
            'keypoint_info': {i: info[i] for i in sorted(info, key=str)}}


def test_the_order_of_the_dictionary_does_not_matter(fake_synthetic):
    shuffled = as_text_sorts(HUMAN36M_18.metainfo())
    dataset = combined(fake_synthetic, shuffled, subset=shuffled)
    for meta in (dataset.metainfo, dataset.datasets[0].metainfo):
        assert meta['flip_indices'] == list(HUMAN36M_18.flip_indices)
    assert dataset[0]['flip_indices'] == list(HUMAN36M_18.flip_indices)


def test_other_key_points_are_refused(fake_synthetic):
    metainfo = HUMAN36M_18.metainfo()
    metainfo['keypoint_info'] = {
        i: info for i, info in metainfo['keypoint_info'].items() if i < 17}
    metainfo['skeleton_info'] = {
        i: info for i, info in metainfo['skeleton_info'].items()
        if 'thorax' not in info['link']}
    with pytest.raises(ValueError, match='other key points'):
        combined(fake_synthetic, metainfo)
