"""Errors in the picture."""
from __future__ import annotations

import numpy as np


def joint_errors_2d(pred: np.ndarray,
                    target: np.ndarray,
                    visible: np.ndarray | None = None,
                    crop_size: np.ndarray | None = None) -> np.ndarray:
    """Return the distance of each joint in the picture.

    Args:
        pred: Predicted key points (N, K, 2) in px.
        target: True key points (N, K, 2) in px of the same frame.
        visible: Non-zero where the truth is annotated (N, K), None for
            everywhere. Other joints may hold anything.
        crop_size: Width and height (N, 2) of the crop's box in the same px:
            distances then are shares of its sides. The authors' released
            evaluation of arXiv 2411.13026 reports these, as "2D MSE".

    Returns:
        Distances (N, K) in px, or of the crop's side; 0 where the truth is
        not annotated.

    Raises:
        ValueError: If shapes do not fit, a number that counts is NaN or
            infinite, or a crop has no area.
    """
    pred = np.asarray(pred, np.float64)
    target = np.asarray(target, np.float64)
    if pred.ndim != 3 or pred.shape[-1] != 2 or pred.shape != target.shape:
        raise ValueError('predicted and true key points must both be '
                         f'(N, K, 2), got {pred.shape} and {target.shape}')
    mask = (np.ones(pred.shape[:2], bool) if visible is None
            else np.asarray(visible) > 0)
    if mask.shape != pred.shape[:2]:
        raise ValueError(f'visible must be {pred.shape[:2]}, got '
                         f'{mask.shape}')
    for name, points in (('predicted', pred), ('true', target)):
        bad = ~np.isfinite(points).all(-1) & mask
        if bad.any():
            person, joint = np.argwhere(bad)[0]
            raise ValueError(f'joint {joint} of the {name} key points '
                             f'{person} is NaN or infinite')
    apart = np.where(mask[..., None], pred, 0) - np.where(
        mask[..., None], target, 0)
    if crop_size is not None:
        crop_size = np.asarray(crop_size, np.float64)
        if crop_size.shape != (len(pred), 2) or not (crop_size > 0).all():
            raise ValueError(f'crop_size must be ({len(pred)}, 2) positive '
                             f'sides, got an array {crop_size.shape}')
        apart = apart / crop_size[:, None]
    return np.linalg.norm(apart, axis=-1)


def pose_errors_2d(pred: np.ndarray,
                   target: np.ndarray,
                   visible: np.ndarray | None = None,
                   crop_size: np.ndarray | None = None) -> np.ndarray:
    """Return the mean distance over the annotated joints of each person.

    Args:
        pred: Predicted key points (N, K, 2) in px, see
            :func:`joint_errors_2d`.
        target: True key points (N, K, 2) in px.
        visible: Non-zero where the truth is annotated (N, K), or None.
        crop_size: Sides (N, 2) of the crop's box, or None.

    Returns:
        Errors (N,) in px, or of the crop's side; NaN for a person without
        any annotated joint.

    Raises:
        ValueError: See :func:`joint_errors_2d`.
    """
    errors = joint_errors_2d(pred, target, visible, crop_size)
    if visible is None:
        return errors.mean(-1)
    number = (np.asarray(visible) > 0).sum(-1)
    return np.divide(errors.sum(-1), number,
                     out=np.full(len(errors), np.nan), where=number > 0)
