"""Batches with a fixed number of samples from each data set."""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmpose.datasets import CombinedDataset
from mmpose.registry import DATA_SAMPLERS
from torch.utils.data import BatchSampler, Sampler


class Draw(int):
    """An index that knows which draw of a training it is.

    What a data set draws at random for a sample has to depend on it: then
    neither the number of workers nor a break in the training matters, and an
    index that comes twice differs from itself. It is an integer like any
    other for all that do not ask.

    Args:
        index: The index.
        key: Whole numbers from 0 up, which no other draw of the training
            has.
        passes: How often its data set has been gone through before.
    """

    def __new__(cls, index: int, key: tuple[int, ...], passes: int) -> Draw:
        """Make an integer with two attributes."""
        draw = super().__new__(cls, index)
        draw.key = key
        draw.passes = passes
        return draw

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return what a copy, in a worker, is made from."""
        return int(self), self.key, self.passes

    def moved(self, index: int) -> Draw:
        """Return the same draw under the index of another data set."""
        return Draw(index, self.key, self.passes)


class _Piece(NamedTuple):
    """The batches from ``begin`` on, alike in what stands in them.

    Attributes:
        begin: The first of them.
        counts: Samples of each source in a batch of one process.
        starts: How many of each source all batches before have taken.
    """

    begin: int
    counts: list[int]
    starts: list[int]


@DATA_SAMPLERS.register_module()
class PairedSourceSampler(Sampler):
    """Fill every batch with fixed numbers of samples of each source.

    MMPose's ``MultiSourceSampler`` computes these numbers from ratios and
    never ends when one rounds to 0, shuffles sources of equal length alike
    (sample i always beside sample i), and starts afresh when a training is
    resumed. Here each source is an endless row of shuffled passes, every
    pass in its own order, and batch b of the training takes the b-th piece
    of each row: a function of (seed, source, b) alone. A source shorter than
    its share simply comes round again within the batch. The ranks of a
    distributed training take neighbouring pieces.

    Its indices are :class:`Draw`, numbered by their place in the row.

    Args:
        dataset: A ``CombinedDataset`` without ``sample_ratio_factor``.
        samples_per_source: How many samples of each of its data sets stand in
            a batch, in this order. Their sum must be the data loader's
            ``batch_size``. 0 leaves a source out.
        num_batches: Length of an epoch in batches; None: as many as show
            ``epoch_source`` once.
        epoch_source: The source, by its place, that an epoch shows once;
            None for the one that takes longest.
        infinite: Never stop. For iteration-based training: MMEngine would
            otherwise restart the workers, with a pause of two seconds, after
            every epoch.
        shuffle: Whether each pass over a source is shuffled.
        seed: Seed; None for one that all ranks share.

    Raises:
        ValueError: If the numbers do not fit the data sets.
    """

    def __init__(self,
                 dataset: CombinedDataset,
                 samples_per_source: Sequence[int],
                 num_batches: int | None = None,
                 epoch_source: int | None = None,
                 infinite: bool = False,
                 shuffle: bool = True,
                 seed: int | None = None) -> None:
        if not isinstance(dataset, CombinedDataset) or dataset.resample:
            raise ValueError(
                'PairedSourceSampler needs a CombinedDataset without '
                f'sample_ratio_factor, got {type(dataset).__name__}; use '
                'num_batches here to set the length of an epoch')
        lengths = dataset.lens
        self.lengths = lengths
        counts = list(samples_per_source)
        self.check_samples_per_source(counts)
        self._pieces = [_Piece(0, counts, [0] * len(lengths))]
        if num_batches is not None and num_batches < 1:
            raise ValueError(f'num_batches starts at 1, got {num_batches}')
        if epoch_source is not None and not (
                0 <= epoch_source < len(counts) and counts[epoch_source]):
            raise ValueError(
                f'epoch_source {epoch_source} is no source with samples in '
                f'the batch: samples_per_source is {counts}')
        self.rank, self.world_size = get_dist_info()
        self.offsets = np.cumsum([0, *lengths[:-1]]).tolist()
        passes = {
            source: math.ceil(length / (count * self.world_size))
            for source, (length, count) in enumerate(zip(lengths, counts))
            if count}
        self.num_batches = num_batches or (
            max(passes.values()) if epoch_source is None
            else passes[epoch_source])
        self.infinite = infinite
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        #: Batches of the epoch that are passed over.
        self.first_batch = 0

    @property
    def samples_per_source(self) -> list[int]:
        """How many samples of each source stand in the newest batches."""
        return self._pieces[-1].counts

    def __iter__(self) -> Iterator[Draw]:
        """Yield indices into the combined data set, batch by batch."""
        rows = [_SourceRow(length, self.seed, source, self.shuffle)
                for source, length in enumerate(self.lengths)]
        batch = self.epoch * self.num_batches + self.first_batch
        end = (self.epoch + 1) * self.num_batches
        while self.infinite or batch < end:
            begin, counts, starts = self._piece_of(batch)
            place = (batch - begin) * self.world_size + self.rank
            for row, offset, count, start in zip(rows, self.offsets, counts,
                                                 starts):
                start += place * count
                for position in range(start, start + count):
                    draw = row[position]
                    yield draw.moved(offset + draw)
            batch += 1

    def _piece_of(self, batch: int) -> _Piece:
        """Return the piece in which a batch lies."""
        return [p for p in self._pieces if p.begin <= batch][-1]

    def __len__(self) -> int:
        """Return the number of samples of an epoch on this rank."""
        return self.num_batches * sum(self.samples_per_source)

    def set_epoch(self, epoch: int) -> None:
        """Continue with the batches of an epoch."""
        self.epoch = epoch

    def set_samples_per_source(self, counts: Sequence[int],
                               begin: int = 0) -> None:
        """Change what stands in the batches, from an epoch on.

        An epoch keeps its number of batches, and each source's row goes on
        where the epoch before has left it. A training that is resumed sets
        what has been set before, in the same order.

        Args:
            counts: How many samples of each data set stand in a batch.
            begin: The first epoch with these numbers.

        Raises:
            ValueError: If they do not fit the data sets.
        """
        self.check_samples_per_source(counts)
        begin *= self.num_batches
        pieces = [p for p in self._pieces if p.begin < begin]
        starts = [0] * len(self.lengths)
        if pieces:
            batches = (begin - pieces[-1].begin) * self.world_size
            starts = [start + batches * count for start, count in zip(
                pieces[-1].starts, pieces[-1].counts)]
        self._pieces = [*pieces, _Piece(begin, list(counts), starts)]

    def check_samples_per_source(self, counts: Sequence[int]) -> None:
        """Refuse numbers that batches cannot be made of.

        Args:
            counts: As ``samples_per_source``.

        Raises:
            ValueError: If they do not fit the data sets.
        """
        if (len(counts) != len(self.lengths) or sum(counts) == 0
                or any(not isinstance(n, int) or n < 0 for n in counts)):
            raise ValueError(
                'samples_per_source needs a whole number for each of the '
                f'{len(self.lengths)} data sets, one of them above 0, got '
                f'{list(counts)}')
        for source, (length, count) in enumerate(zip(self.lengths, counts)):
            if count and not length:
                raise ValueError(
                    f'data set {source} of the CombinedDataset is empty, but '
                    f'samples_per_source asks {count} of it per batch')


@DATA_SAMPLERS.register_module()
class PairedBatchSampler(BatchSampler):
    """Cut the row of a :class:`PairedSourceSampler` into its batches.

    Args:
        sampler: The sampler.
        batch_size: Number of samples of a batch; MMEngine fills in that of
            the data loader.

    Raises:
        ValueError: If the batch size is not the sum of the sampler's
            ``samples_per_source``: batches would mix the sources anyhow.
    """

    def __init__(self, sampler: PairedSourceSampler,
                 batch_size: int) -> None:
        if not isinstance(sampler, PairedSourceSampler):
            raise ValueError('PairedBatchSampler needs a '
                             'PairedSourceSampler, got '
                             f'{type(sampler).__name__}')
        wanted = sum(sampler.samples_per_source)
        if batch_size != wanted:
            raise ValueError(
                f'train_dataloader.batch_size is {batch_size}, but its '
                'sampler.samples_per_source '
                f'{sampler.samples_per_source} add up to {wanted}: change '
                'both together')
        super().__init__(sampler, batch_size, drop_last=False)

    def set_samples_per_source(self, counts: Sequence[int],
                               begin: int = 0) -> None:
        """Change what stands in the batches, from an epoch on.

        Args:
            counts: How many samples of each data set stand in a batch.
            begin: The first epoch with these numbers.

        Raises:
            ValueError: If they do not fit the data sets.
        """
        self.sampler.set_samples_per_source(counts, begin)
        self.batch_size = sum(counts)


class _SourceRow:
    """The endless row of shuffled passes over one source.

    Args:
        length: Number of samples of the source.
        seed: Seed of the sampler.
        source: Number of the source, so that sources of equal length are
            shuffled differently.
        shuffle: Whether passes are shuffled.
    """

    def __init__(self, length: int, seed: int, source: int,
                 shuffle: bool) -> None:
        self.length = length
        self.key = (seed, source)
        self.shuffle = shuffle
        self._pass = -1
        self._order = np.arange(length)

    def __getitem__(self, position: int) -> Draw:
        number, place = divmod(position, self.length)
        if self.shuffle and number != self._pass:
            rng = np.random.default_rng([*self.key, number])
            self._order = rng.permutation(self.length)
            self._pass = number
        return Draw(self._order[place], (*self.key, position), number)
