"""Splits of sets that are in MMPose's layout, drawn with a seed.

They are those of the authors' released code (arXiv 2411.13026) by name, and
the usual ones: for Human3.6M
:data:`~xas_mmpose.datasets.human36m_meta.SPLITS`, for MPI-INF-3DHP
:data:`MPI_INF_3DHP_SPLITS`. The authors drew theirs without a seed, so which
frames theirs were is known to nobody.
"""
from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .datasets.human36m import XasHuman36mDataset
from .datasets.mpi_inf_3dhp import XasMpiInf3dhpDataset
from .human36m_meta import ACTIONS, CAMERA_IDS, SPLITS, Sequence, Split
from .mpi_inf_3dhp_set import MpiInf3dhpSettings

_TRAIN, _VALID = (1, 2, 3, 4, 5, 6), (7, 8)

#: The authors' people; ``_s5`` and ``_s10``: every 5th and 10th frame.
MPI_INF_3DHP_SPLITS = dict(
    train=Split(_TRAIN),
    train_s5=Split(_TRAIN, interval=5),
    train_s10=Split(_TRAIN, interval=10),
    valid=Split(_VALID),
    valid_s5=Split(_VALID, interval=5),
    valid_s10=Split(_VALID, interval=10))

_ACTION_NUMBERS = {name: number for number, name in ACTIONS.items()}


class DrawnSplit(NamedTuple):
    """The pictures of a split.

    Attributes:
        imgnames: Their names, in the order of the annotation file.
        instants: Number of instants, each of which all cameras see.
        recordings: Number of recordings that they are taken from.
        incomplete: Number of these recordings' instants that some camera
            lacks, or sees with a joint out of the picture.
    """

    imgnames: list[str]
    instants: int
    recordings: int
    incomplete: int


def draw_split(ann_file: str | Path, name: str, seed: int = 0) -> DrawnSplit:
    """Choose the pictures of a split, instant by instant.

    An instant is taken for all cameras or for none: Human3.6M's four, the
    five of MPI-INF-3DHP that the authors use (0, 2, 4, 7 and 8). It has to
    be there for each of them, with all joints in the picture. The authors'
    filters of MPI-INF-3DHP that take masks, for chairs and over-exposure, are
    the converter's, ``tools/dataset_converters/mpi_inf_3dhp.py``.

    Args:
        ann_file: ``.npz`` of one of MMPose's converters.
        name: Name of the split.
        seed: Seed of the splits that are drawn. What is drawn of a recording
            depends on the seed and the recording alone.

    Returns:
        The pictures.

    Raises:
        FileNotFoundError: If there is no annotation file.
        ValueError: If the file is no such file, the set has no such split,
            the file lacks a camera or all of the split's recordings, or has
            too few frames of each second for it.
    """
    imgnames, inside = _read(ann_file)
    if _of_3dhp(imgnames[0]):
        rules, kind = MPI_INF_3DHP_SPLITS, XasMpiInf3dhpDataset
        cameras = {f'Cam{i}' for i in MpiInf3dhpSettings().cameras}
    else:
        rules, kind = SPLITS, XasHuman36mDataset
        cameras = set(CAMERA_IDS)
    if name not in rules:
        raise ValueError(f'{kind.SET_NAME} has no split {name!r}; it has '
                         f'{", ".join(rules)}')
    rule = rules[name]
    infos = kind(ann_file=str(ann_file), check_files=False,
                 serialize_data=False)
    recordings: dict[Sequence, dict[int, dict[str, int]]] = {}
    for row in range(len(infos)):
        info = infos.get_data_info(row)
        if info['subject'].startswith('TS'):
            continue  # of no split, and without a second camera
        recording, _, frame = info['frame_id'].rpartition('_')
        sequence = _sequence(info, recording)
        camera = info['camera_id'].rpartition('_')[2]
        if (sequence.subject in rule.subjects
                and sequence.action not in rule.without
                and camera in cameras):
            recordings.setdefault(sequence, {}).setdefault(
                int(frame), {})[camera] = row
    if not recordings:
        raise ValueError(
            f'{ann_file} has no recording of split {name}, which needs '
            f'subjects {", ".join(map(str, rule.subjects))}')
    rows, instants, incomplete = [], 0, 0
    for sequence, frames in sorted(recordings.items()):
        whole = sorted(frame for frame, views in frames.items()
                       if views.keys() == cameras
                       and inside[list(views.values())].all())
        incomplete += len(frames) - len(whole)
        chosen = _choose(rule, sequence, whole, sorted(frames), seed,
                         ann_file)
        instants += len(chosen)
        rows += [row for frame in chosen for row in frames[frame].values()]
    if not rows:
        raise ValueError(
            f'{ann_file} has no instant for split {name} that all of the '
            f'cameras {", ".join(sorted(cameras))} see with all joints')
    return DrawnSplit([imgnames[row] for row in sorted(rows)], instants,
                      len(recordings), incomplete)


def _of_3dhp(imgname: str) -> bool:
    """Say whether a picture is MPI-INF-3DHP's, by its name."""
    return imgname.rpartition('/')[2].startswith('TS') or '_Cam' in imgname


def _read(ann_file: str | Path) -> tuple[list[str], np.ndarray]:
    """Return names and whether all joints are in the picture (N,)."""
    if not Path(ann_file).is_file():
        raise FileNotFoundError(f'there is no annotation file {ann_file}')
    try:
        with np.load(ann_file) as arrays:
            names = arrays['imgname'].tolist()
            inside = (arrays['part'][..., 2] > 0).all(1)
    except Exception as error:
        # numpy and zipfile have half a dozen types for a broken file.
        raise ValueError(f"{ann_file} is no annotation file of one of "
                         f"MMPose's converters: {error}") from error
    if not names or inside.shape != (len(names), ):
        raise ValueError(f'{ann_file} has {len(names)} names of pictures and '
                         f'key points of {len(inside)}')
    return names, inside


def _sequence(info: dict, recording: str) -> Sequence:
    """Return the numbers of a recording, whose name ends with its part."""
    subject = int(info['subject'][1:])
    if info['action'].startswith('Seq'):
        return Sequence(subject, int(info['action'][3:]), 0)
    if info['action'] not in _ACTION_NUMBERS:
        raise ValueError(
            f'{info["img_path"]}: {info["action"]!r} is none of the actions '
            f'{", ".join(_ACTION_NUMBERS)}')
    part = recording.rpartition('_')[2]
    return Sequence(subject, _ACTION_NUMBERS[info['action']],
                    int(part) if part.isdecimal() else 0)


def _choose(rule: Split, sequence: Sequence, whole: list[int],
            present: list[int], seed: int,
            ann_file: str | Path) -> list[int]:
    """Return the frames that a split takes of a recording.

    Args:
        rule: The split.
        sequence: The recording.
        whole: Numbers of its frames, from 1, that can be taken.
        present: Numbers of all of them.
        seed: Seed.
        ann_file: Where they are from, for the message.
    """
    if rule.draw is not None:
        return [whole[place - 1]
                for place in rule.frames(sequence, len(whole), seed)]
    step = math.gcd(*np.diff(present).tolist())
    if rule.interval > 1 and step and rule.interval % step:
        raise ValueError(
            f'{ann_file} has every {step}th frame, of which nobody can take '
            f'every {rule.interval}th of the recording: take the file with '
            'all frames (for Human3.6M fps50)')
    return [frame for frame in whole if (frame - 1) % rule.interval == 0]
