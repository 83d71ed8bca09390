"""Pairs that are made while the training goes on."""
from __future__ import annotations

import copy
import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS
from torch.utils.data import DataLoader

from xas_mmpose.datasets.datasets import (
    OnlineSyntheticPairDataset,
    SyntheticPairDataset,
)
from xas_mmpose.datasets.samplers import Draw, PairedSourceSampler
from xas_mmpose.render import SceneSettings
from xas_mmpose.render.synthetic_set import (
    SyntheticSetSettings,
    write_synthetic_set,
)
from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18

SETTINGS = dict(num_subjects=2, scene=dict(image_size=32))
PIPELINE = [dict(type='LoadImage'), dict(type='LoadMask')]


def make(num: int = 4, **options) -> OnlineSyntheticPairDataset:
    """Return a small data set."""
    return OnlineSyntheticPairDataset(
        **{**dict(num=num, seed=3, settings=SETTINGS), **options})


def digest(sample: dict) -> str:
    """Return a checksum of a sample's picture, mask and joints."""
    return hashlib.sha256(
        sample['img'].tobytes() + sample['img_mask'].tobytes()
        + sample['keypoints_3d'].tobytes()).hexdigest()


def test_samples_are_those_of_the_set_on_disk(tmp_path: Path) -> None:
    write_synthetic_set(
        tmp_path, SyntheticSetSettings(
            num=6, seed=3, num_subjects=2, image_format='png',
            scene=SceneSettings(image_size=32, extent=1200.0)),
        progress=False)
    stored = SyntheticPairDataset(data_root=str(tmp_path), pipeline=PIPELINE)
    online = make(num=3, pipeline=PIPELINE, settings=dict(
        num_subjects=2, scene=dict(image_size=32, extent=1200.0)))
    hidden = 0
    for epoch in (0, 1):
        online.set_epoch(epoch)
        for i in range(3):
            want, got = stored[3 * epoch + i], online[i]
            assert set(want) - set(got) == {'mask_path', }
            assert set(got) - set(want) == set()
            np.testing.assert_array_equal(got['img'], want['img'])
            np.testing.assert_array_equal(got['img_mask'], want['img_mask'])
            np.testing.assert_allclose(got['keypoints_3d'],
                                       want['keypoints_3d'], atol=0.0006)
            np.testing.assert_array_equal(got['keypoints_visible'],
                                          want['keypoints_visible'])
            hidden += (got['keypoints_visible'] == 0).sum()
            for key in ('id', 'img_id', 'subject', 'domain', 'img_shape',
                        'flip_indices', 'ori_shape'):
                assert got[key] == want[key], key
            np.testing.assert_allclose(got['camera_param']['T'],
                                       want['camera_param']['T'])
    assert hidden > 0


def test_every_epoch_shows_others() -> None:
    dataset = make()
    first = [digest(dataset[i]) for i in range(4)]
    assert dataset.epoch == 0
    dataset.set_epoch(1)
    second = [digest(dataset[i]) for i in range(4)]
    assert len(set(first + second)) == 8
    dataset.set_epoch(0)
    assert [digest(dataset[i]) for i in range(4)] == first
    assert digest(make(seed=4)[0]) != first[0]


def test_a_draw_names_its_pass_itself() -> None:
    dataset = make(num=3)
    dataset.set_epoch(5)
    combined = DATASETS.build(dict(
        type='XasCombinedDataset', metainfo=HUMAN36M_18.metainfo(),
        datasets=[dict(type='OnlineSyntheticPairDataset', num=3, seed=3,
                       settings=SETTINGS)] * 2))
    # An epoch takes two passes, and never ends.
    sampler = PairedSourceSampler(combined, [3, 0], num_batches=2, seed=0,
                                  infinite=True)
    draws = list(itertools.islice(sampler, 15))
    shown = [combined[draw] for draw in draws]
    assert [s['img_id'] for s in shown] == [
        draw.passes * 3 + draw for draw in draws]
    assert sorted(s['img_id'] for s in shown) == list(range(15))
    assert len({digest(sample) for sample in shown}) == 15
    assert digest(dataset[Draw(1, (0, ), 4)]) == digest(
        next(s for s in shown if s['img_id'] == 13))


def indices_and_digests(batch: dict) -> list[tuple[int, str]]:
    return [(i, digest(dict(img=a, img_mask=b, keypoints_3d=c)))
            for i, a, b, c in zip(batch['sample_idx'], batch['img'],
                                  batch['img_mask'], batch['keypoints_3d'])]


@pytest.mark.parametrize('context', ['fork', 'spawn'])
def test_workers_that_live_on_make_the_epochs_samples(context: str) -> None:
    dataset = make()
    want = []
    for epoch in (0, 1, 5):
        dataset.set_epoch(epoch)
        want.append([(i, digest(dataset[i])) for i in range(4)])
    # MMEngine's runner copies data sets that it is given.
    dataset = copy.deepcopy(dataset)
    dataset.set_epoch(0)
    loader = DataLoader(
        dataset, batch_size=2, num_workers=1, persistent_workers=True,
        collate_fn=pseudo_collate, multiprocessing_context=context)
    for epoch, expected in zip((0, 1, 5), want):
        dataset.set_epoch(epoch)
        found = [entry for batch in loader
                 for entry in indices_and_digests(batch)]
        assert found == expected


def test_the_main_process_keeps_its_threads() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        make()[0]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_mmengines_options_work() -> None:
    dataset = DATASETS.build(dict(
        type='OnlineSyntheticPairDataset', num=6, seed=3, settings=SETTINGS,
        sample_interval=2, indices=2, lazy_init=True))
    assert len(dataset) == 2
    assert digest(dataset[1]) == digest(make(num=6)[2])
    assert digest(copy.deepcopy(dataset)[1]) == digest(dataset[1])
    assert make(num=10**5).data_bytes.nbytes < 10**7


def test_settings_are_dictionaries_all_the_way_down() -> None:
    scene = dict(image_size=32, supersampling=1, effects=dict(
        blur=0, contrast=[1, 1], saturation=[0, 0], hue=0, tint=0,
        gamma=[1, 1], noise=0))
    image = make(settings=dict(scene=scene))[0]['img'].astype(int)
    assert np.ptp(image, axis=2).max() <= 1  # grey
    assert image.std() > 5


def test_animals_have_their_own_key_points() -> None:
    dataset = make(settings=dict(body='fox', scene=dict(image_size=32)),
                   metainfo=ANIMAL3D_26.metainfo())
    info = dataset[0]
    assert info['keypoints_3d'].shape == (1, 26, 3)
    root = ANIMAL3D_26.index('tail_base')
    np.testing.assert_array_equal(info['root_camera'],
                                  info['keypoints_3d'][0, root])
    with pytest.raises(ValueError, match=r'human has no key points.*tail_b'):
        make(metainfo=ANIMAL3D_26.metainfo())


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'depth, layout: .* sets on disk'):
        make(settings=dict(layout='coco', depth=True))
    with pytest.raises(TypeError, match='image_sice'):
        make(settings=dict(scene=dict(image_sice=32)))
    with pytest.raises(FileNotFoundError, match='no_such_folder'):
        make(settings=dict(backgrounds=str(tmp_path / 'no_such_folder')))
