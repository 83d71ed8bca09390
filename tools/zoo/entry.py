"""A metafile's entry of a finished run."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from model_converters.publish_model import describe_set

from .finished_run import Evaluation, Training
from .protocol import Number, read_numbers
from .recipe import Recipe

#: MMPose's word for what is predicted, by the table of key points.
_TASKS = {'animal3d_26': 'Animal 3D Keypoint'}
_TASK = 'Body 3D Keypoint'
COLLECTION = 'X as Supervision'
#: Names of sets that do not say their own; computed ones do.
_SETS = {
    'XasHuman36mDataset': 'Human3.6M',
    'XasMpiInf3dhpDataset': 'MPI-INF-3DHP',
    'XasMpiiDataset': 'MPII',
    'XasCocoDataset': 'pictures of people with key points',
    'TikTokDataset': 'TikTok',
    'SurrealPoseDataset': 'SURREAL',
    'SyntheticPairDataset': 'synthetic pairs',
    'OnlineSyntheticPairDataset': 'synthetic pairs made while training',
    'XasAnimal3dDataset': 'Animal3D',
    'XasAnimalKeypointDataset': 'pictures of animals with key points',
    'MaskedFolderDataset': 'own pictures and masks',
}
#: Units that the names of figures tell.
_PLAIN_UNITS = ('mm', '%', 'px', 'ratio')
#: Pages that describe sets, by name.
_CARDS = {
    'XaS-Mini': 'docs/xas_mini.md',
    'XaS-Zoo-Mini': 'docs/xas_zoo_mini.md',
    'synthetic pairs': 'docs/synthetic_data.md',
    'synthetic pairs made while training': 'docs/synthetic_data.md',
}
#: Settings of a data set that choose no frames.
_NO_CHOICE = ('type', 'data_root', 'pipeline', 'data_prefix', 'command',
              'camera_param_file', 'metainfo', 'test_mode', 'carry_labels',
              'carry_root', 'serialize_data', 'lazy_init')


class DataCards:
    """Reads what computed sets say of themselves, each once."""

    def __init__(self) -> None:
        self._cards: dict[str, dict[str, Any]] = {}

    def name(self, dataset: Config) -> str:
        """Return the name of a data set."""
        name = self._settings(dataset).get('name')
        return name or _SETS.get(dataset.type, dataset.type)

    def masks(self, dataset: Config) -> str | None:
        """Return what a set, or the folder of its masks, says of them.

        Those of tools/make_masks.py name their method. None where nothing
        is said.
        """
        quality = self._settings(dataset).get('mask_quality')
        root = dataset.get('data_root')
        if quality or not root:
            return quality
        folder = dataset.get('data_prefix', {}).get('mask', 'masks')
        path = Path(root) / folder / 'settings.json'
        if not path.is_file():
            return None
        made = json.loads(path.read_text())
        # A method of several kinds says which of them.
        return (made.get('name') or
                made.get('method', '').removesuffix('Method') or None)

    def describe(self, dataset: Config) -> str:
        """Return name, version, seed, checksum and use of a training set."""
        card, settings = self._card(dataset), self._settings(dataset)
        said = [f'{key} {settings[key]}' for key in ('version', 'num', 'seed')
                if settings.get(key) is not None]
        if self.masks(dataset):
            said.append(f'{self.masks(dataset)} masks')
        if card:
            said.append(f'SHA-256 {card["sha256"][:8]}')
        use = ('labelled pairs' if dataset.get('carry_labels', True)
               else 'pictures and masks, no joints')
        return (self.name(dataset) + (f' ({", ".join(said)})' if said else '')
                + f': {use}')

    def _settings(self, dataset: Config) -> dict[str, Any]:
        return self._card(dataset).get('settings', {})

    def _card(self, dataset: Config) -> dict[str, Any]:
        """Return name, checksum and settings; nothing of others' sets."""
        root = dataset.get('data_root')
        if not root:
            return {}
        if root not in self._cards:
            folder = Path(root)
            if not folder.is_dir():
                raise FileNotFoundError(
                    f'{folder} is missing, whose data were used: the report '
                    'names their version and checksum. Report on the '
                    'machine of the run, in the same folder; made again by: '
                    f'{dataset.get("command", "see the README")}')
            self._cards[root] = (describe_set(folder) if
                                 (folder / 'settings.json').is_file() else {})
        return self._cards[root]


def training_sets(cfg: Config) -> list[Config]:
    """Return the data sets that a training mixes."""
    dataset = cfg.train_dataloader.dataset
    return list(dataset.get('datasets', [dataset]))


def make_metadata(training: Training, recipe: Recipe, config: str,
                  cards: DataCards, licence: str | None) -> dict[str, Any]:
    """Return how the weights of a row came about.

    Args:
        training: The training.
        recipe: How it differs from its config.
        config: That config, relative to the repository.
        cards: Reads the sets.
        licence: Licence of the training data, None if nobody said it.
    """
    sets = training_sets(training.cfg)
    backbone = training.cfg.model.get('backbone', {}).get('type')
    return {
        'Architecture': [*filter(None, [backbone]), COLLECTION],
        'Training Data': [cards.describe(dataset) for dataset in sets],
        'Data Cards': sorted({_CARDS[cards.name(dataset)] for dataset in sets
                              if cards.name(dataset) in _CARDS}),
        'Training Data Licence': licence,
        'Training Command': recipe.command('train', config),
        'Training Resources': training.resources,
        'Last Checkpoint': training.checkpoint.name,
        'Batch Size': training.cfg.train_dataloader.batch_size,
        'Seed': training.seed,
        'Environment': training.environment,
        'Code': training.code,
    }


def make_results(training: Training, evaluation: Evaluation, recipe: Recipe,
                 config: str, weights: str | None, cards: DataCards
                 ) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the results of a test, those of one protocol together.

    Args:
        training: The training.
        evaluation: The test.
        recipe: How the test differs from its config.
        config: That config, relative to the repository.
        weights: The weights that are handed out, None without.
        cards: Reads the sets.

    Returns:
        The results, and why numbers are left out, by key.

    Raises:
        ValueError: If no number has a protocol.
    """
    numbers, left_out = read_numbers(evaluation.metrics, evaluation.log)
    if not numbers:
        why = '; '.join(f'{k}: {v}' for k, v in list(left_out.items())[:3])
        raise ValueError(
            f'{evaluation.folder} has no number whose protocol is known '
            f'({why or "it is empty"}); test again with a metric that has '
            'report_protocol=True')
    dataset = evaluation.cfg.test_dataloader.dataset
    checkpoint = weights or evaluation.checkpoint
    results: dict[tuple, dict[str, Any]] = {}
    for number in numbers:
        said = {
            **_rules(number, evaluation.cfg),
            'Masks': cards.masks(dataset),
            'Split': _split(dataset),
            'Frames': number.protocol.frames,
            'Seed': training.seed,
            'Checkpoint': evaluation.checkpoint,
        }
        result = results.setdefault(tuple(said.items()), {
            'Task': _task(evaluation.cfg),
            'Dataset': cards.name(dataset),
            'Metrics': {},
            'Protocol': said,
            'Test Command': recipe.command('test', config, checkpoint),
        })
        # As many digits as the tables show: what is rounded once more is
        # not what was measured.
        result['Metrics'][number.key] = round(
            number.value, 3 if number.protocol.unit == 'ratio' else 1)
    return list(results.values()), left_out


def make_entry(name: str, config: str, metadata: Mapping[str, Any],
               results: Sequence[Mapping[str, Any]],
               weights: str | None) -> dict[str, Any]:
    """Return an entry of a metafile's ``Models``."""
    return {
        'Name': name,
        'In Collection': COLLECTION,
        'Config': config,
        'Metadata': dict(metadata),
        'Results': [dict(result) for result in results],
        'Weights': weights,
    }


def _rules(number: Number, cfg: Config) -> dict[str, Any]:
    """Return the rules of a number by what a table calls them."""
    protocol = number.protocol
    joints = protocol.joints
    skeleton = cfg.get('dataset_info')
    if joints == 'all' and skeleton:
        joints = (f'all {len(skeleton.keypoint_info)} of '
                  f'{skeleton.dataset_name}')
    unit = ({} if protocol.unit in _PLAIN_UNITS
            else {'Unit': protocol.unit})
    return {
        'Hypothesis Rule': number.rule,
        'Hypothesis Order': protocol.order,
        'Left/Right Rule': protocol.left_right,
        'Root Rule': protocol.root,
        'Joints': joints,
        'Crop Rule': protocol.crop,
        'Mean Over': number.mean,
        **unit,
    }


def _task(cfg: Config) -> str:
    """Return what MMPose calls the task."""
    skeleton = cfg.get('dataset_info') or {}
    return _TASKS.get(skeleton.get('dataset_name'), _TASK)


def _split(dataset: Config) -> str:
    """Return what chooses the frames of a test."""
    chosen = {key: value for key, value in dataset.items()
              if key not in _NO_CHOICE and value is not None}
    words = [str(chosen.pop('ann_file'))] if 'ann_file' in chosen else []
    words += [f'{key}={value}' for key, value in chosen.items()]
    return ', '.join(words) or 'all'
