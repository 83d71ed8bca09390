"""The data sets that a config trains, validates and tests with."""
from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmpose.registry import DATASETS

from xas_mmpose.datasets.datasets.base import BasePoseDataset3D

SPLITS = ('train', 'val', 'test')
#: Arguments of data sets that name a file below ``data_root``.
_FILES = ('ann_file', 'camera_param_file', 'headbox_file', 'bbox_file')


@dataclass(frozen=True)
class Source:
    """One data set of one split.

    Attributes:
        name: ``val``, or ``train/0`` and so on where a split has several.
        config: The data set's config, with all steps of all pipelines that
            its samples go through.
        imports: Modules that register what it needs.
        same_as: Name of the source that it repeats, if it does.
    """

    name: str
    config: Mapping[str, Any]
    imports: tuple[str, ...] = ()
    same_as: str | None = None

    @property
    def kind(self) -> str:
        """Name of the data set's class."""
        kind = self.config['type']
        return kind if isinstance(kind, str) else kind.__name__

    @property
    def files(self) -> list[str]:
        """The annotation files that the config names."""
        root = self.config.get('data_root') or ''
        return [os.path.join(root, self.config[key]) for key in _FILES
                if self.config.get(key)]

    def build(self) -> Any:
        """Build the data set.

        Files that it lists are not looked for: whoever reads the samples
        finds out about each of them.
        """
        for module in self.imports:
            importlib.import_module(module)
        config = dict(self.config)
        kind = config['type']
        cls = DATASETS.get(kind) if isinstance(kind, str) else kind
        if cls is not None and issubclass(cls, BasePoseDataset3D):
            config['check_files'] = False
        return DATASETS.build(config)


def read_sources(config: Mapping[str, Any],
                 splits: Sequence[str] = SPLITS) -> list[Source]:
    """List the data sets of a config.

    Args:
        config: The config; ``train_dataloader`` and so on are read.
        splits: The splits to list.

    Returns:
        The sources of all splits that the config has.

    Raises:
        ValueError: If there are none.
    """
    modules = config.get('custom_imports', {}).get('imports', ())
    modules = (modules, ) if isinstance(modules, str) else tuple(modules)
    sources: list[Source] = []
    for split in splits:
        loader = config.get(f'{split}_dataloader')
        if not loader:
            continue
        leaves = list(_leaves(loader['dataset'], []))
        for number, leaf in enumerate(leaves):
            name = split if len(leaves) == 1 else f'{split}/{number}'
            twin = next((source.name for source in sources
                         if source.config == leaf), None)
            sources.append(Source(name, leaf, modules, twin))
    if not sources:
        raise ValueError(
            'the config has no data: none of '
            f'{", ".join(f"{split}_dataloader" for split in splits)}')
    return sources


def _leaves(dataset: Mapping[str, Any],
            behind: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield the data sets that others are put together of."""
    behind = [*dataset.get('pipeline', ()), *behind]
    if 'datasets' in dataset:
        for part in dataset['datasets']:
            yield from _leaves(part, behind)
    elif 'dataset' in dataset:
        yield from _leaves(dataset['dataset'], behind)
    else:
        yield dict(dataset, pipeline=behind)
