"""The evaluation of the authors' released code (arXiv 2411.13026), as it is.

It is here to compare with their numbers, not to be recommended: it chooses
left and right, and the hypothesis, per joint by the truth, puts the annotated
root depth into every prediction, aligns no roots, scales about the world's
origin, weighs views by predicted depths and counts absent actions as 0.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xas_mmpose.geometry.cameras import (
    image_to_camera,
    normalised_to_patch,
    patch_to_image,
)

from .hypotheses import select_hypothesis
from .keypoint_2d import pose_errors_2d
from .keypoint_3d import METRICS, joint_errors
from .left_right import exchange_left_right
from .multi_view import Views


@dataclass(frozen=True)
class Crops:
    """How C views of N frames were cut out.

    Args:
        affine: Image-to-patch affines (C, N, 2, 3).
        root_depth: Annotated depths (C, N) of the root in mm.
        patch_size: Width and height of the patch in px.
        cube_size: Side of the cube in mm.
    """

    affine: np.ndarray
    root_depth: np.ndarray
    patch_size: tuple[int, int] = (256, 256)
    cube_size: float = 2000.0

    def to_camera(self, points: np.ndarray, views: Views) -> np.ndarray:
        """Map normalised points to the camera frame.

        Args:
            points: Points (C, N, K, 3), normalised by the patch's size less
                one (``reference_scale=True`` in
                :mod:`xas_mmpose.geometry.cameras`).
            views: The cameras.

        Returns:
            Camera points (C, N, K, 3) in mm.
        """
        patch = normalised_to_patch(points, self.patch_size, self.cube_size,
                                    reference_scale=True)
        image = patch_to_image(patch, self.affine, self.root_depth)
        return image_to_camera(image, views.f[..., None, :],
                               views.c[..., None, :])


@dataclass(frozen=True)
class ReferenceErrors:
    """Errors as the authors count them, nothing averaged.

    Attributes:
        error_2d: Mean distance (C, N) over the joints in shares of the
            patch's side.
        single: Errors (C, N, K) in mm of the world poses of single views,
            by metric.
        triangulated: Errors (N, K) in mm of the triangulated poses, by
            metric.
        exchanged: Whether the first hypothesis's joints (C, N, K) were
            exchanged with their mirror partners.
    """

    error_2d: np.ndarray
    single: dict[str, np.ndarray]
    triangulated: dict[str, np.ndarray]
    exchanged: np.ndarray


def reference_errors(hypotheses: np.ndarray,
                     target: np.ndarray,
                     views: Views,
                     crops: Crops,
                     flip_indices: Sequence[int],
                     rule: str = 'oracle-joint') -> ReferenceErrors:
    """Compare predictions of several views as the authors' evaluation does.

    Args:
        hypotheses: Predicted poses (C, N, M, K, 3), normalised as
            :meth:`Crops.to_camera` says.
        target: True poses (C, N, K, 3), normalised alike.
        views: The cameras.
        crops: The crops.
        flip_indices: Mirror partner of each joint (K).
        rule: ``oracle-joint``, which they call "best", or ``top1``, their
            "confident".

    Returns:
        The errors. The truth in the world is that of view 0.

    Raises:
        ValueError: If shapes do not fit, or a number is NaN or infinite.
    """
    hypotheses = np.asarray(hypotheses, np.float64)
    target = np.asarray(target, np.float64)
    if (hypotheses.ndim != 5 or hypotheses.shape[-1] != 3
            or hypotheses[:, :, 0].shape != target.shape):
        raise ValueError('hypotheses must be (C, N, M, K, 3) and the truth '
                         f'(C, N, K, 3), got {hypotheses.shape} and '
                         f'{target.shape}')
    hypotheses, exchanged = exchange_left_right(
        hypotheses, target[:, :, None], flip_indices, 'per_joint')
    flat = (-1, *target.shape[2:])
    pose = select_hypothesis(
        hypotheses.reshape(-1, *hypotheses.shape[2:]),
        np.ones((target.shape[0] * target.shape[1],
                 *hypotheses.shape[2:4])),
        target.reshape(flat), rule, root_index=None).reshape(target.shape)
    error_2d = pose_errors_2d(pose.reshape(flat)[..., :2],
                              target.reshape(flat)[..., :2],
                              crop_size=np.full((target[..., 0, 0].size, 2),
                                                2.0))
    camera = crops.to_camera(pose, views)
    truth = views.to_world(crops.to_camera(target, views))[0]
    world = views.to_world(camera)
    meeting = views.triangulate(camera, weights=camera[..., 2])
    return ReferenceErrors(
        error_2d.reshape(target.shape[:2]),
        {metric: np.stack([joint_errors(view, truth, None, metric, None)
                           for view in world]) for metric in METRICS},
        {metric: joint_errors(meeting, truth, None, metric, None)
         for metric in METRICS},
        exchanged[:, :, 0])


def reference_action_mean(errors: np.ndarray, actions: Sequence[str],
                          names: Sequence[str]) -> float:
    """Return the mean over actions, an absent one counting as 0.

    Args:
        errors: Error of each pose (..., N).
        actions: Action of each frame (N).
        names: The actions.

    Returns:
        The mean. See
        :func:`~xas_mmpose.evaluation.functional.mean_over_actions` for one
        that can be compared between sets.

    Raises:
        ValueError: If the numbers of errors and actions differ.
    """
    actions = np.asarray(actions)
    if errors.shape[-1:] != actions.shape:
        raise ValueError(f'{len(actions)} actions do not fit errors '
                         f'{errors.shape}')
    return float(np.mean([
        errors[..., actions == name].mean() if (actions == name).any() else 0
        for name in names
    ]))
