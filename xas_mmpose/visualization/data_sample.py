"""A picture of what a network has seen and found of a data sample."""
from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import cv2
import mmcv
import numpy as np
from mmengine.structures import BaseDataElement

from xas_mmpose.evaluation.functional import pose_errors
from xas_mmpose.geometry.alignment import center_on_root
from xas_mmpose.geometry.cameras import apply_affine

from .hypotheses import draw_hypotheses
from .mask_picture import predicted_mask


def draw_sample(patch: np.ndarray, sample: BaseDataElement,
                metainfo: Mapping[str, Any], title: str,
                skeleton_masks: bool = False,
                bin_depths: np.ndarray | None = None) -> np.ndarray:
    """Draw a prediction, and the truth where there is one.

    Args:
        patch: What the network has seen (h, w, 3), BGR uint8. Where the
            picture's file is there its own crop is drawn, background and
            all.
        sample: The data sample with ``pred_instances``.
        metainfo: Metainfo of its data set.
        title: First words above it.
        skeleton_masks: Whether a panel shows what the 2D pose covers.
        bin_depths: Depths (D,) of the bins, normalised
            (:meth:`~xas_mmpose.codecs.DepthModeVolume.bin_depths`), with
            which the sample's ``depth_profiles`` are drawn.

    Returns:
        The drawing, BGR uint8.
    """
    pred, truth = sample.pred_instances, sample.get('gt_instances', {})
    path = sample.get('img_path')
    if path and os.path.isfile(path):
        patch = cv2.warpAffine(mmcv.imread(path), sample.crop_affine,
                               sample.input_size)
    mask = None
    if 'masks' in sample.get('gt_fields', {}):
        mask = sample.gt_fields.masks[0].cpu().numpy()
    root = metainfo.get('root_index') or 0
    target, errors = None, {}
    if 'keypoints_3d' in truth:
        visible = truth.keypoints_3d_visible
        errors = {
            f'{metric}/top1': float(pose_errors(
                pred.keypoints_3d, truth.keypoints_3d, visible, metric,
                root)[0])
            for metric in ('MPJPE', 'P-MPJPE')}
        target = np.where(visible[0][:, None] > 0,
                          center_on_root(truth.keypoints_3d[0], root), np.nan)
    keypoints = apply_affine(pred.keypoints[0, :, :2], sample.crop_affine)
    target_2d = None
    if 'keypoints' in truth:
        target_2d = np.where(
            truth.keypoints_visible[0][:, None] > 0,
            apply_affine(truth.keypoints[0, :, :2], sample.crop_affine),
            np.nan)
    covered, profiles = None, None
    if skeleton_masks:
        covered = predicted_mask(keypoints, patch.shape[1::-1],
                                 patch.shape[1::-1], metainfo)
    if bin_depths is not None and 'depth_profiles' in pred:
        # A root's third coordinate: mm within the cube.
        profiles = (bin_depths * sample.cube_size
                    - pred.keypoints[0, root, 2], pred.depth_profiles[0])
    return draw_hypotheses(
        patch, mask, keypoints, pred.hypotheses_3d[0],
        pred.hypothesis_scores[0], metainfo, target_3d=target,
        target_2d=target_2d, title=title, errors=errors,
        skeleton_mask=covered, depth_profiles=profiles,
        ranking=pred.get('pose_ranking'))
