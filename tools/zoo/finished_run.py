"""What a finished training and its tests have left on the disk."""
from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

_STAMPED = re.compile(r'Exp name: (.+)_\d{8}_\d{6}\s*$', re.MULTILINE)
_TRAINED = re.compile(r'(?:Epoch|Iter)\(train\)')
_LOADED = re.compile(r'Load checkpoint from (.+?)\s*$', re.MULTILINE)
#: Lines on the environment that are worth a table; others name the machine.
_ENVIRONMENT = re.compile(
    r'^ {4}(Python|PyTorch|TorchVision|OpenCV|MMEngine): ([^\s]+)',
    re.MULTILINE)
_SEED = re.compile(r'^ {4}seed: (\d+)\s*$', re.MULTILINE)
_GPU = re.compile(r'^ {4}GPU [\d,]+: (.+?)\s*$', re.MULTILINE)
_NUM_GPUS = re.compile(r'^ {4}GPU number: (\d+)\s*$', re.MULTILINE)


@dataclass(frozen=True)
class Training:
    """A training that has come to its end.

    Attributes:
        folder: Its work dir.
        cfg: Its config, complete.
        name: Name of the config's file, or what stands for it.
        checkpoint: Its last checkpoint.
        began: When it began, or was gone on with, as ``20261231_235959``.
        seed: Its seed.
        environment: Versions of what it ran on.
        resources: The processors.
        code: Version and commit of the code, None where nobody noted them.
    """

    folder: Path
    cfg: Config
    name: str
    checkpoint: Path
    began: str
    seed: int
    environment: dict[str, str]
    resources: str
    code: str | None


@dataclass(frozen=True)
class Evaluation:
    """A test of a checkpoint.

    Attributes:
        folder: Folder of its log.
        cfg: Its config, complete.
        metrics: Figures by key.
        log: Lines of its log.
        checkpoint: Name of the checkpoint's file.
    """

    folder: Path
    cfg: Config
    metrics: dict[str, object]
    log: list[str]
    checkpoint: str


def read_training(folder: Path) -> Training:
    """Read a work dir of tools/train.py.

    Args:
        folder: The work dir.

    Raises:
        FileNotFoundError: If there is no such folder, or no log in it.
        ValueError: If the training has not come to its end, or its log does
            not say what a report needs.
    """
    command = f'python tools/train.py CONFIG --work-dir {folder}'
    if not folder.is_dir():
        raise FileNotFoundError(f'there is no work dir {folder}; train: '
                                f'{command}')
    logs = [log for log in _logs(folder)
            if _TRAINED.search(log.read_text(errors='replace'))]
    if not logs:
        raise FileNotFoundError(
            f'{folder} has no log of a training '
            f'(<time>/<time>.log with "Epoch(train)"); train: {command}')
    log = logs[-1]
    cfg = _read_config(log, command)
    if cfg.get('resume'):
        # Then load_from is where it went on, not what it began with.
        cfg.load_from = _read_config(logs[0], command).get('load_from')
    checkpoint = _last_checkpoint(folder, cfg, command)
    text = log.read_text(errors='replace')
    named, seed = _STAMPED.search(text), _SEED.search(text)
    if seed is None:
        raise ValueError(f'{log} names no seed; set randomness.seed in the '
                         f'config and train: {command}')
    return Training(
        folder=folder, cfg=cfg, name=named[1] if named else 'unknown',
        checkpoint=checkpoint, began=log.stem, seed=int(seed[1]),
        environment=dict(_ENVIRONMENT.findall(text)),
        resources=_resources(text), code=_code(folder))


def read_evaluations(training: Training, config: str,
                     folders: list[Path] | None = None) -> list[Evaluation]:
    """Read tests of a training's checkpoints.

    Args:
        training: The training.
        config: Its config, for the command in messages.
        folders: Where tools/test.py has put its log and its metrics, one
            folder a test, or None for the training's latest.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If one cannot be read or is older than the training.
    """
    command = (f'python tools/test.py {config} {training.checkpoint} '
               f'--work-dir {training.folder / "test"}')
    if folders is None:
        tested = [log for log in _logs(training.folder)
                  if log.with_suffix('.json').is_file()]
        folders = [tested[-1].parent] if tested else []
    if not folders:
        raise FileNotFoundError(f'{training.folder} has no evaluation '
                                f'(<time>/<time>.json); test: {command}')
    evaluations = [_read_evaluation(folder, command) for folder in folders]
    for evaluation in evaluations:
        if evaluation.folder.name < training.began:
            raise ValueError(f'{evaluation.folder} is older than the '
                             f'training of {training.began}; test: {command}')
    return evaluations


def _read_evaluation(folder: Path, command: str) -> Evaluation:
    """Read the log and the metrics of a test."""
    file, log = (folder / f'{folder.name}{ending}'
                 for ending in ('.json', '.log'))
    for path in (file, log):
        if not path.is_file():
            raise FileNotFoundError(f'{path} is missing; test: {command}')
    try:
        metrics = json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f'{file} is broken ({error}); test again: '
                         f'{command}') from error
    text = log.read_text(errors='replace')
    loaded = _LOADED.findall(text)
    if not loaded:
        raise ValueError(f'{log} does not say which checkpoint was tested; '
                         f'test again: {command}')
    return Evaluation(folder, _read_config(log, command), metrics,
                      text.splitlines(), Path(loaded[-1]).name)


def _logs(folder: Path) -> list[Path]:
    """Return logs of MMEngine's, the oldest first."""
    return sorted((path for path in folder.rglob('*.log')
                   if path.stem == path.parent.name),
                  key=lambda path: path.name)


def _read_config(log: Path, command: str) -> Config:
    """Read the config that MMEngine dumps beside a log."""
    path = log.parent / 'vis_data' / 'config.py'
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} is missing, the config as it was run; the visualizer '
            f'needs a LocalVisBackend. Run again: {command}')
    return Config.fromfile(path)


def _last_checkpoint(folder: Path, cfg: Config, command: str) -> Path:
    """Return the checkpoint that a training ends with."""
    loop = cfg.train_cfg
    last = (f'epoch_{loop.max_epochs}.pth'
            if loop.get('by_epoch', 'max_epochs' in loop)
            else f'iter_{loop.max_iters}.pth')
    note = folder / 'last_checkpoint'
    # MMEngine notes a checkpoint's name once it is whole.
    reached = Path(note.read_text().strip()).name if note.is_file() else None
    if reached != last:
        raise ValueError(f'{folder} has come to {reached or "no checkpoint"}, '
                         f'not to {last}; go on: {command} --resume')
    return folder / last


def _resources(log: str) -> str:
    """Return the processors of a training, such as ``8x NVIDIA H100``."""
    gpu, number = _GPU.search(log), _NUM_GPUS.search(log)
    if gpu is None:
        return 'CPU'
    return f'{number[1] if number else 1}x {gpu[1]}'


def _code(folder: Path) -> str | None:
    """Return what tools/run_ablation.py notes of the code."""
    path = folder / 'result.json'
    if not path.is_file():
        return None
    result = json.loads(path.read_text())
    return f'xas_mmpose {result["version"]}, ' \
           f'commit {result["commit"] or "unknown"}'
