"""Which trainings a table of rows needs, and what each depends on."""
from __future__ import annotations

import copy
import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

import xas_mmpose

ROOT = Path(__file__).resolve().parents[2]
#: Settings of a config that decide the weights of a training.
_DECISIVE = ('model', 'data_preprocessor', 'train_dataloader', 'train_cfg',
             'auto_scale_lr', 'optim_wrapper', 'param_scheduler',
             'default_hooks', 'custom_hooks', 'env_cfg', 'randomness')
#: Settings that decide what a test of them says.
_TEST = ('test_dataloader', 'test_cfg', 'test_evaluator')

#: Returns the checksum of a data set's folder.
Checksum = Callable[[Path], str]


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        name: Its name.
        text: One sentence that says what it is.
        config: The config it is trained with; None if it is not trained.
        start: Name of the row whose last weights its training starts from,
            or None.
        weights: Name of the row whose last weights it tests, without a
            training of its own; None to train.
        options: Settings of the config by dotted key.
    """

    name: str
    text: str
    config: str | None = None
    start: str | None = None
    weights: str | None = None
    options: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Table:
    """Rows that are reported together.

    Attributes:
        title: What they are measured on.
        rows: The rows, each behind the one that it starts from.
        comparisons: Pairs of their names (before, after).
        compared: The metrics in which pairs are compared.
        note: What else the reader should know of the numbers.
    """

    title: str
    rows: Sequence[Row]
    comparisons: Sequence[tuple[str, str]]
    compared: Sequence[str] = ('MPJPE/top1', 'P-MPJPE/top1')
    note: str = ''


@dataclass(eq=False)
class Run:
    """A training of a row with a seed, or a test of another's weights.

    Attributes:
        row: The row.
        seed: The seed.
        cfg: Its config, complete but for the checkpoint it starts from.
        start: The run whose last checkpoint that is, or None.
        weights: The run whose last checkpoint is tested, None for its own.
        key: Changes whenever settings, data, seed or the package's version
            change that its weights depend on; not with the code's state.
        test_key: Changes whenever its test does.
        folder: Where it lies.
    """

    row: Row
    seed: int
    cfg: Config
    start: Run | None
    weights: Run | None
    key: str
    test_key: str
    folder: Path

    def __str__(self) -> str:
        """Return its name for people."""
        return f'{self.row.name}, seed {self.seed}'

    @property
    def before(self) -> Run | None:
        """The run that has to be trained first, or None."""
        return self.weights or self.start

    @property
    def checkpoint(self) -> Path:
        """Where its last checkpoint lies when it is finished."""
        if self.weights:
            return self.weights.checkpoint
        return self.folder / f'epoch_{self.cfg.train_cfg.max_epochs}.pth'

    @property
    def is_trained(self) -> bool:
        """Whether its last checkpoint is there."""
        if self.weights:
            return self.weights.is_trained
        # MMEngine notes a checkpoint's name once it is whole.
        return (self.has_begun and self.checkpoint.is_file() and
                Path(self._latest.read_text()).name == self.checkpoint.name)

    @property
    def has_begun(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return self._latest.is_file()

    @property
    def commit_file(self) -> Path:
        """Where the commit stands that its training began with."""
        if self.weights:
            return self.weights.commit_file
        return self.folder / 'commit.txt'

    @property
    def _latest(self) -> Path:
        return self.folder / 'last_checkpoint'

    def result(self) -> dict | None:
        """Return what its test has found, None before."""
        path = self.folder / 'result.json'
        if not path.is_file():
            return None
        result = json.loads(path.read_text())
        return result if result['test_key'] == self.test_key else None


def read_table(path: Path) -> Table:
    """Read a table of rows.

    Args:
        path: A config with ``title``, ``rows`` and ``comparisons``, and, if
            they differ from the usual, ``compared`` and ``note``.

    Returns:
        The table.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a row has unknown settings, starts from one that is
            not trained before it, or tests one that is not trained, or a
            comparison names an unknown row.
    """
    if not path.is_file():
        raise FileNotFoundError(f'there is no table of rows {path}')
    table = Config.fromfile(path).to_dict()
    rows: list[Row] = []
    for name, settings in table['rows'].items():
        unknown = settings.keys() - Row.__dataclass_fields__.keys()
        if unknown:
            raise ValueError(f'{path}: {name} has the unknown settings '
                             f'{sorted(unknown)}')
        row = Row(name=name, **settings)
        trained = [r.name for r in rows if is_trained(r)]
        if row.start is not None and row.start not in trained:
            raise ValueError(f'{path}: {name} starts from {row.start}, which '
                             f'is none of the trained rows before it: '
                             f'{trained}')
        rows.append(row)
    trained = [row.name for row in rows if is_trained(row)]
    for row in rows:
        if row.weights is not None and (row.weights not in trained
                                        or row.start or not row.config):
            raise ValueError(
                f'{path}: {row.name} tests the weights of {row.weights}. '
                f'That must be one of the trained rows {trained}, and such '
                'a row has a config, but no start')
    comparisons = [tuple(pair) for pair in table['comparisons']]
    for pair in comparisons:
        if not set(pair) <= table['rows'].keys():
            raise ValueError(f'{path}: the comparison {pair} names an '
                             'unknown row')
    more = {key: table[key] for key in ('compared', 'note') if key in table}
    return Table(table['title'], rows, comparisons, **more)


def is_trained(row: Row) -> bool:
    """Say whether a row has trainings of its own."""
    return bool(row.config) and row.weights is None


def make_config(row: Row, options: Mapping[str, Any]) -> Config:
    """Return a row's config without a seed and a checkpoint to start from.

    Args:
        row: The row.
        options: Settings of all rows by dotted key; a row's own win.
    """
    cfg = copy.deepcopy(_read_config(ROOT / row.config))
    cfg.merge_from_dict({**options, **copy.deepcopy(row.options or {})})
    # The last checkpoint counts. To choose one by the test pictures, which
    # are those of the validation here, would be to fit them.
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint.pop('save_best', None)
    cfg.load_from = None
    return cfg


@functools.cache
def _read_config(path: Path) -> Config:
    return Config.fromfile(path)


def with_seed(cfg: Config, seed: int) -> Config:
    """Return a copy of a config whose every seed is this one."""
    cfg = copy.deepcopy(cfg)
    cfg.randomness.seed = seed
    for hook in cfg.get('custom_hooks', ()):
        if hook['type'] == 'AdversarialPriorHook':
            hook['seed'] = seed
    return cfg


def data_roots(cfg: Config) -> list[str]:
    """Return the folders that a config's data lie in.

    Raises:
        FileNotFoundError: If one is missing.
    """
    roots = []
    for dataset in (*_training_datasets(cfg), cfg.test_dataloader.dataset):
        root = dataset.get('data_root')
        if root and not Path(root).is_dir():
            raise FileNotFoundError(
                f'{root} is missing; make it: '
                f'{dataset.get("command", "see the README")}')
        if root and root not in roots:
            roots.append(root)
    return roots


def labelled_datasets(cfg: Config) -> list[Config]:
    """Return the training data sets whose joints a training sees."""
    return [dataset for dataset in _training_datasets(cfg)
            if dataset.get('carry_labels', True)]


def _training_datasets(cfg: Config) -> list[Config]:
    dataset = cfg.train_dataloader.dataset
    return list(dataset.get('datasets', [dataset]))


def plan(rows: Sequence[Row], seeds: Sequence[int], out: Path,
         checksum: Checksum,
         options: Mapping[str, Any] | None = None) -> list[Run]:
    """Return the trainings of rows, those first that others start from.

    Args:
        rows: The rows.
        seeds: The seeds. The first one's runs come first, so that there is
            a whole table early.
        out: Folder of the runs' folders.
        checksum: Returns the checksum of a folder of data.
        options: Settings of all rows by dotted key.
    """
    runs: dict[tuple[str, int], Run] = {}
    configs = {row.name: make_config(row, options or {})
               for row in rows if row.config}
    # Those that test the weights of others come behind all of these.
    rows = sorted((row for row in rows if row.config),
                  key=lambda row: not is_trained(row))
    for seed in seeds:
        for row in rows:
            cfg = with_seed(configs[row.name], seed)
            start, weights = (runs.get((name, seed))
                              for name in (row.start, row.weights))
            before = weights or start
            key = _key(cfg, _DECISIVE, checksum,
                       before.key if before else None)
            test_key = _key(cfg, _TEST, checksum, key)
            folder = out / row.name / f'seed{seed}_{key}'
            runs[row.name, seed] = Run(row, seed, cfg, start, weights, key,
                                       test_key, folder)
    return list(runs.values())


def needed(runs: Sequence[Run], names: Sequence[str]) -> list[Run]:
    """Return the runs of some rows and those they build on, in order."""
    wanted = set()
    for run in reversed(runs):
        if run.row.name in names or run in wanted:
            wanted |= {run, run.before}
    return [run for run in runs if run in wanted]


def _key(cfg: Config, settings: Sequence[str], checksum: Checksum,
         before: str | None) -> str:
    """Return a short name for settings, data and what came before."""
    chosen = {name: cfg.get(name) for name in settings}
    text = json.dumps([xas_mmpose.__version__, before, chosen],
                      sort_keys=True, default=str)
    # The data count by what they are, not by where they lie.
    for root in sorted(data_roots(cfg), key=len, reverse=True):
        text = text.replace(json.dumps(root)[1:-1], checksum(Path(root)))
    return hashlib.sha256(text.encode()).hexdigest()[:10]
