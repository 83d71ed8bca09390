from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.runner import Runner
from mmpose.datasets import CombinedDataset
from mmpose.registry import DATA_SAMPLERS, DATASETS

from xas_mmpose.datasets import samplers
from xas_mmpose.datasets.samplers import (
    Draw,
    PairedBatchSampler,
    PairedSourceSampler,
)
from xas_mmpose.skeletons import HUMAN36M_18


@DATASETS.register_module(force=True)
class _Numbers(BaseDataset):
    def __init__(self, num, **kwargs):
        self.num = num
        super().__init__(**kwargs)

    def load_data_list(self):
        return [dict(number=i) for i in range(self.num)]


def combined(*lengths, **kwargs):
    return CombinedDataset(
        metainfo=HUMAN36M_18.metainfo(),
        datasets=[dict(type=_Numbers, num=n, serialize_data=False)
                  for n in lengths], **kwargs)


def batches(sampler, num=None):
    size = sum(sampler.samples_per_source)
    indices = list(itertools.islice(sampler, num and num * size))
    return np.array(indices).reshape(-1, size)


def test_an_epoch_may_show_one_source_once():
    for source, num in ((0, 3), (1, 7), (None, 7)):
        sampler = PairedSourceSampler(combined(5, 21), [2, 3], seed=0,
                                      epoch_source=source)
        rows = batches(sampler)
        assert rows.shape == (num, 5)
        assert len(sampler) == num * 5
    shown = batches(PairedSourceSampler(combined(5, 21), [2, 3], seed=0,
                                        epoch_source=0))[:, :2]
    assert set(shown.ravel()) == set(range(5))


def test_every_batch_has_its_shares():
    sampler = DATA_SAMPLERS.build(dict(
        type='PairedSourceSampler', dataset=combined(4, 21),
        samples_per_source=[6, 2], seed=3))
    rows = batches(sampler)
    # The long source takes ceil(21 / 2) batches.
    assert rows.shape == (11, 8)
    assert len(sampler) == 88
    assert (rows[:, :6] < 4).all()
    assert (rows[:, 6:] >= 4).all()
    # Both sources are used evenly, however short they are.
    counts = np.bincount(rows.ravel(), minlength=25)
    assert np.ptp(counts[:4]) <= 1
    assert counts[4:].min() == 1
    assert counts[4:].max() <= 2


def test_sources_of_equal_length_are_shuffled_apart():
    rows = batches(PairedSourceSampler(combined(50, 50), [1, 1], seed=0))
    first, second = rows[:, 0], rows[:, 1] - 50
    assert sorted(first) == sorted(second) == list(range(50))
    assert (first == second).mean() < 0.2
    assert (np.diff(first) != 1).any()


def test_epochs_differ_and_are_found_again():
    def epoch(number, seed=5):
        sampler = PairedSourceSampler(combined(7, 30), [2, 3], seed=seed)
        sampler.set_epoch(number)
        return batches(sampler)

    np.testing.assert_array_equal(epoch(3), epoch(3))
    assert (epoch(3) != epoch(4)).any()
    assert (epoch(3) != epoch(3, seed=6)).any()
    endless = PairedSourceSampler(combined(7, 30), [2, 3], seed=5,
                                  infinite=True)
    np.testing.assert_array_equal(
        batches(endless, 50), np.concatenate([epoch(i) for i in range(5)]))


def test_ranks_share_the_sources(monkeypatch):
    parts = []
    for rank in range(3):
        monkeypatch.setattr(samplers, 'get_dist_info', lambda r=rank: (r, 3))
        parts.append(PairedSourceSampler(combined(4, 60), [2, 2], seed=1))
    assert {len(part) for part in parts} == {4 * 10}
    rows = [batches(part) for part in parts]
    seen = np.concatenate([r[:, 2:].ravel() for r in rows])
    assert sorted(seen) == list(range(4, 64))
    monkeypatch.setattr(samplers, 'get_dist_info', lambda: (0, 1))
    alone = batches(PairedSourceSampler(combined(4, 60), [6, 6], seed=1))
    np.testing.assert_array_equal(
        np.concatenate([r[:, 2:] for r in rows], axis=1), alone[:, 6:])


def test_no_two_draws_have_the_same_key(monkeypatch):
    draws = []
    for rank in range(2):
        monkeypatch.setattr(samplers, 'get_dist_info', lambda r=rank: (r, 2))
        sampler = PairedSourceSampler(combined(4, 21), [6, 2], seed=3)
        for epoch in range(3):
            sampler.set_epoch(epoch)
            draws.extend(sampler)
    assert len({draw.key for draw in draws}) == len(draws)
    # No picture of a pass comes twice in it, from whichever process.
    shown = {(int(draw), draw.passes) for draw in draws}
    assert len(shown) == len(draws)
    assert {draw.passes for draw in draws if draw >= 4} == {0, 1, 2, 3}
    # One process with the whole batch draws the same.
    monkeypatch.setattr(samplers, 'get_dist_info', lambda: (0, 1))
    alone = PairedSourceSampler(combined(4, 21), [12, 4], seed=3,
                                num_batches=6, infinite=True)
    alone = itertools.islice(alone, len(draws))
    assert {(d, d.key, d.passes) for d in alone} == {
        (d, d.key, d.passes) for d in draws}


def test_a_draw_travels_to_workers_and_is_an_index():
    draw = Draw(5, (1, 2, 3), 4)
    for twin in (pickle.loads(pickle.dumps(draw)), copy.deepcopy(draw)):
        assert type(twin) is Draw
        assert (twin, twin.key, twin.passes) == (5, (1, 2, 3), 4)
    assert 'abcdef'[draw] == 'f'
    moved = draw.moved(2)
    assert (moved, moved.key, moved.passes) == (2, (1, 2, 3), 4)


def test_a_row_goes_on_when_its_share_changes():
    def rows(*changes):
        sampler = PairedBatchSampler(PairedSourceSampler(
            combined(4, 60), [1, 3], num_batches=4, seed=1), 4)
        for counts, begin in changes:
            sampler.set_samples_per_source(counts, begin)
        result = []
        for epoch in range(4):
            sampler.sampler.set_epoch(epoch)
            result.append(list(sampler))
        return result

    # Set as a resumed training would, and then again.
    first, *_, last = rows(([3, 1], 1), ([2, 2], 3), ([2, 2], 3))
    assert first == rows()[0]
    sampler = PairedBatchSampler(PairedSourceSampler(
        combined(4, 60), [1, 3], num_batches=4, seed=1), 4)
    keys, epochs = [], []
    for epoch, counts in enumerate((None, [3, 1], None, [2, 2])):
        if counts:
            sampler.set_samples_per_source(counts, epoch)
        sampler.sampler.set_epoch(epoch)
        epochs.append(list(sampler))
        keys += [draw.key for batch in epochs[-1] for draw in batch]
    assert (epochs[0], epochs[-1]) == (first, last)
    # Every place of both rows is drawn once, without a gap.
    for source, shown in enumerate((4 + 2 * 12 + 8, 12 + 2 * 4 + 8)):
        assert sorted(k[2] for k in keys if k[1] == source) == [*range(shown)]


def test_batches_may_be_passed_over():
    def endless():
        return PairedSourceSampler(combined(7, 30), [2, 3], seed=5,
                                   infinite=True)

    sampler = endless()
    sampler.first_batch = 17
    np.testing.assert_array_equal(batches(sampler, 9),
                                  batches(endless(), 26)[17:])


def test_order_without_shuffling_and_the_length_of_an_epoch():
    sampler = PairedSourceSampler(combined(3, 5), [1, 2], num_batches=4,
                                  shuffle=False)
    assert batches(sampler).tolist() == [
        [0, 3, 4], [1, 5, 6], [2, 7, 3], [0, 4, 5]]
    alone = PairedSourceSampler(combined(3, 4), [0, 2], shuffle=False)
    assert batches(alone).tolist() == [[3, 4], [5, 6]]


def test_a_data_loader_takes_it():
    dataset = combined(4, 10)
    sampler = PairedSourceSampler(dataset, [1, 3], infinite=True, seed=0)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=4, sampler=sampler,
        collate_fn=lambda items: [item['sample_idx'] for item in items])
    first = list(itertools.islice(loader, 30))
    assert len(first) == 30
    assert {len(batch) for batch in first} == {4}


@pytest.mark.parametrize('counts', [[1], [1, -1], [0, 0], [0.5, 1], [1, 1, 1]])
def test_bad_shares(counts):
    with pytest.raises(ValueError, match='whole number for each of the 2'):
        PairedSourceSampler(combined(4, 10), counts)


def test_bad_data_sets():
    with pytest.raises(ValueError, match=r'data set 0 .* is empty'):
        PairedSourceSampler(combined(0, 10), [1, 1])
    with pytest.raises(ValueError, match='CombinedDataset without'):
        PairedSourceSampler(_Numbers(4), [1, 1])
    with pytest.raises(ValueError, match='CombinedDataset without'):
        PairedSourceSampler(
            combined(4, 10, sample_ratio_factor=[1.0, 0.5]), [1, 1])
    with pytest.raises(ValueError, match='num_batches starts at 1'):
        PairedSourceSampler(combined(4, 10), [1, 1], num_batches=0)
    for source in (-1, 1, 2):  # 1 has no share in the batch
        with pytest.raises(ValueError, match=f'epoch_source {source} is no'):
            PairedSourceSampler(combined(4, 10), [1, 0],
                                epoch_source=source)


@pytest.mark.parametrize('num_workers', [0, 1])
def test_the_runner_builds_a_loader_from_a_config(num_workers):
    loader = Runner.build_dataloader(dict(
        batch_size=4, num_workers=num_workers,
        dataset=dict(type='CombinedDataset',
                     metainfo=HUMAN36M_18.metainfo(),
                     datasets=[dict(type=_Numbers, num=2),
                               dict(type=_Numbers, num=5)]),
        sampler=dict(type='PairedSourceSampler', samples_per_source=[3, 1],
                     infinite=True),
        collate_fn=dict(type='pseudo_collate')), seed=7)
    assert len(loader) == 5
    seen = [batch['number'] for batch in itertools.islice(loader, 10)]
    assert {len(batch) for batch in seen} == {4}
    assert sorted(batch[3] for batch in seen) == sorted(2 * [*range(5)])
    rows = batches(PairedSourceSampler(combined(2, 5), [3, 1], seed=7), 5)
    assert [batch[3] for batch in seen[:5]] == (rows[:, 3] - 2).tolist()


def test_a_batch_size_that_does_not_fit_is_refused():
    sampler = PairedSourceSampler(combined(4, 8), [1, 2], seed=0)
    cut = DATA_SAMPLERS.build(dict(
        type='PairedBatchSampler', sampler=sampler, batch_size=3))
    assert [len(batch) for batch in cut] == [3] * 4
    assert len(cut) == 4
    with pytest.raises(ValueError, match=r'batch_size is 4.*add up to 3'):
        PairedBatchSampler(sampler, 4)
    with pytest.raises(ValueError, match='needs a PairedSourceSampler'):
        PairedBatchSampler(torch.utils.data.SequentialSampler([1, 2]), 2)
