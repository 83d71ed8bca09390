"""Alignment of one pose onto another."""
from __future__ import annotations

import numpy as np


def center_on_root(keypoints: np.ndarray, root_index: int) -> np.ndarray:
    """Subtract the root.

    Args:
        keypoints: Poses (..., K, 3), any frame and unit.
        root_index: Index of the root.

    Returns:
        Root-relative poses (..., K, 3).
    """
    return keypoints - keypoints[..., root_index:root_index + 1, :]


def align_scale(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Scale each pose about the origin for the least squared error.

    Centre both poses on their roots first: a scale about another point, such
    as the world's origin in the authors' released code, says little about
    the pose.

    Args:
        pred: Predicted poses (..., K, 3).
        target: True poses (..., K, 3).

    Returns:
        Scaled predictions (..., K, 3); a pose of zeros stays one.
    """
    energy = (pred * pred).sum((-2, -1), keepdims=True)
    dot = (pred * target).sum((-2, -1), keepdims=True)
    scale = np.divide(dot, energy, out=np.ones_like(dot), where=energy > 0)
    return pred * scale


def align_procrustes(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Align each pose by scale, proper rotation and translation.

    Umeyama, "Least-squares estimation of transformation parameters between
    two point patterns", 1991. A mirrored pose is not turned into its image.

    Args:
        pred: Predicted poses (..., K, 3).
        target: True poses (..., K, 3).

    Returns:
        Aligned predictions (..., K, 3). A pose whose points coincide comes
        out at the target's centre.
    """
    pred_mean = pred.mean(-2, keepdims=True)
    target_mean = target.mean(-2, keepdims=True)
    source, wanted = pred - pred_mean, target - target_mean
    u, singular, vt = np.linalg.svd(np.swapaxes(wanted, -1, -2) @ source)
    sign = np.ones_like(singular)
    sign[..., -1] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = (u * sign[..., None, :]) @ vt
    energy = (source * source).sum((-2, -1), keepdims=True)
    gain = (singular * sign).sum(-1)[..., None, None]
    scale = np.divide(gain, energy, out=np.zeros_like(gain),
                      where=energy > 0)
    return scale * source @ np.swapaxes(rotation, -1, -2) + target_mean
