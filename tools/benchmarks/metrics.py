"""Errors of many poses, against a loop over single ones."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xas_mmpose.evaluation.functional import (
    METRICS,
    auc_3d,
    joint_errors,
    pck_3d,
    pose_errors,
)
from xas_mmpose.skeletons import HUMAN36M_18

from .measuring import Figures, clock, median_ms

#: Poses of the usual test set of Human3.6M, all frames, in round numbers.
NUM_POSES = 100_000


def bench_metrics(repeats: int, quick: bool) -> Figures:
    """Time the errors of 100 000 poses, in s, and check them.

    ``.._apart_mm`` is the largest difference of a pose's error from that of
    a loop over poses, which aligns each on its own as textbooks do;
    ``.._loop_s`` is the loop's time, taken once.
    """
    num = 500 if quick else NUM_POSES
    pred, target = _poses(num)
    for metric in METRICS:
        name = metric.lower().replace('-', '_')
        yield (f'{name}_s', _seconds(
            lambda metric=metric: pose_errors(pred, target, metric=metric),
            repeats))
        start = clock()
        expected = [_LOOPED[metric](*pair) for pair in zip(pred, target)]
        yield f'{name}_loop_s', clock() - start
        apart = pose_errors(pred, target, metric=metric) - expected
        yield f'{name}_apart_mm', float(np.abs(apart).max())
    errors = joint_errors(pred, target)
    yield '3dpck_s', _seconds(lambda: pck_3d(errors), repeats)
    yield 'auc_s', _seconds(lambda: auc_3d(errors), repeats)


def _seconds(call: Callable[[], object], repeats: int) -> float:
    return median_ms(call, repeats) / 1000


def _poses(num: int) -> tuple[np.ndarray, np.ndarray]:
    """Return poses that are some 50 mm, a turn and a scale off, and true."""
    rng = np.random.default_rng(0)
    target = rng.normal(0, 300, (num, HUMAN36M_18.num_keypoints, 3))
    turn = np.linalg.qr(rng.normal(size=(num, 3, 3)))[0]
    pred = (target @ turn * rng.uniform(0.7, 1.3, (num, 1, 1))
            + rng.normal(0, 50, target.shape) + 500)
    return pred, target


def _mean_distance(pred: np.ndarray, target: np.ndarray) -> float:
    """Return the MPJPE of a pose (K, 3), both centred on their roots."""
    return float(np.linalg.norm(
        pred - pred[0] - (target - target[0]), axis=-1).mean())


def _scaled(pred: np.ndarray, target: np.ndarray) -> float:
    """Return the N-MPJPE of a pose, by the normal equation."""
    pred, target = pred - pred[0], target - target[0]
    scale = np.linalg.lstsq(pred.reshape(-1, 1), target.ravel(),
                            rcond=None)[0]
    return _mean_distance(scale * pred, target)


def _aligned(pred: np.ndarray, target: np.ndarray) -> float:
    """Return the P-MPJPE of a pose, by Kabsch's algorithm."""
    centre = target.mean(0)
    source, wanted = pred - pred.mean(0), target - centre
    u, singular, vt = np.linalg.svd(source.T @ wanted)
    signs = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    turned = source @ (u * signs) @ vt
    scale = (singular * signs).sum() / (source**2).sum()
    return float(np.linalg.norm(scale * turned - wanted, axis=-1).mean())


_LOOPED = {'MPJPE': _mean_distance, 'N-MPJPE': _scaled, 'P-MPJPE': _aligned}
