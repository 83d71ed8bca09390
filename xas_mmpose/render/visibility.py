"""Which key points a picture shows."""
from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from xas_mmpose.body_models import ParametricBody

#: Values of ``keypoints_visible``, COCO's.
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2

#: How much nearer than a key point on the skin the surface may be that does
#: not hide it: this share of the body's largest measure (4.5 cm for people:
#: skin is curved, and hair lies on it) ...
_SLACK_OF_SIZE = 0.025

#: ... and this times the key point's distance from the nearest skin: seen from
#: the front the top of the head is 10 cm behind the brow.
_SLACK_OF_DEPTH = 4.0


def keypoint_slack(body: ParametricBody) -> np.ndarray:
    """Return how deep under the surface key points may lie, and be seen.

    Args:
        body: The body, on the CPU.

    Returns:
        (K,) in mm: for key points that are made of vertices a few times
        their distance from the skin at rest; infinite for joints, which lie
        inside limbs, however one looks at them.
    """
    with torch.no_grad():
        rest = body(torch.zeros(1, body.num_betas), torch.zeros(1, 3),
                    torch.zeros(1, 3 * body.num_joints - 3))
    skin = rest.vertices[0, body.faces.unique()].double() * 1000
    size = (skin.amax(0) - skin.amin(0)).max()
    distance = torch.cdist(rest.keypoints[0].double() * 1000, skin).amin(1)
    slack = _SLACK_OF_SIZE * size + _SLACK_OF_DEPTH * distance
    on_skin = (body.keypoint_weights[:, body.num_joints:] != 0).any(1)
    return torch.where(on_skin, slack, torch.inf).numpy()


def keypoint_visibility(
        keypoints: np.ndarray,
        parts: np.ndarray,
        depth: np.ndarray,
        occluder: np.ndarray | None,
        keypoint_parts: Sequence[Collection[int]],
        slack: np.ndarray) -> np.ndarray:
    """Tell visible, hidden and cut-off key points apart.

    Joints lie inside the body, so the surface in front of one always hides
    it. What counts is whose surface that is: a joint is hidden when another
    limb is the nearest thing at its pixel. Eyes, ears and noses lie on the
    skin: they are hidden, too, when the surface is much nearer than they are,
    as the near side of the head is.

    A key point beside the silhouette counts as visible: nothing is in front
    of it, and a wrongly placed joint must not pass as a hidden one.

    Args:
        keypoints: Image points (K, 3) in px and depths in mm, pixel centres
            at whole numbers.
        parts: Part of the nearest surface at each pixel (S, S), uint8: 0
            where there is none, else the part's index + 1.
        depth: Its depth (S, S), mm.
        occluder: Opacity (S, S) of what stands in front of the body, 0..1,
            or None. From one half on it hides.
        keypoint_parts: For each of the K key points, the indices of the
            parts that meet there.
        slack: How much nearer than each key point (K,) the surface may be,
            mm, see :func:`keypoint_slack`.

    Returns:
        (K,) uint8: 0 outside the picture, 1 inside but hidden, 2 visible.

    Raises:
        ValueError: If sizes disagree.
    """
    keypoints = np.asarray(keypoints, np.float64)
    if keypoints.shape != (len(keypoint_parts), 3):
        raise ValueError(
            f'keypoints must be ({len(keypoint_parts)}, 3), one for each '
            f'entry of keypoint_parts, got {keypoints.shape}')
    size = len(parts)
    for name, array in (('parts', parts), ('depth', depth),
                        ('occluder', occluder)):
        if array is not None and array.shape != (size, size):
            raise ValueError(f'{name} must be ({size}, {size}), got '
                             f'{array.shape}')
    # A pixel is the area around its centre. (NaN is outside, too.)
    inside = ((keypoints[:, :2] >= -0.5)
              & (keypoints[:, :2] < size - 0.5)).all(1)
    visible = np.where(inside, VISIBLE, OUTSIDE).astype(np.uint8)
    for k in np.flatnonzero(inside):
        column, row = np.floor(keypoints[k, :2] + 0.5).astype(int)
        part = int(parts[row, column]) - 1
        behind = occluder is not None and occluder[row, column] >= 0.5
        other = part >= 0 and part not in keypoint_parts[k]
        deep = part >= 0 and keypoints[k, 2] - depth[row, column] > slack[k]
        if behind or other or deep:
            visible[k] = HIDDEN
    return visible
