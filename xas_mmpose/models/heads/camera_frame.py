"""From the patch to the camera frame."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xas_mmpose.geometry.cameras import (
    box_root_depth,
    crop_affine,
    image_to_camera,
    patch_to_image,
)


def patch_to_camera(patch: np.ndarray, cube_sizes: np.ndarray,
                    metainfos: Sequence[Mapping[str, Any]],
                    input_size: Sequence[int]) -> np.ndarray:
    """Map patch key points to the camera frame.

    The root's depth is the one at which the cube fills the crop.

    Args:
        patch: Key points (B, M, K, 3) in the patch: px, px, mm behind the
            root.
        cube_sizes: Sides (B,) of the cubes, mm.
        metainfos: ``camera_param``, ``input_center`` and ``input_scale`` of
            each sample.
        input_size: Width and height of the patch.

    Returns:
        Key points (B, M, K, 3), mm, absolute.
    """
    cameras = [metainfo['camera_param'] for metainfo in metainfos]
    scales = np.array([metainfo['input_scale'] for metainfo in metainfos])
    affines = np.stack([
        crop_affine(metainfo['input_center'], scale, input_size)
        for metainfo, scale in zip(metainfos, scales)])
    f, c = (np.array([camera[key] for camera in cameras], np.float64)
            for key in 'fc')
    # Without terms a lens leaves the rays as they are, to the bit.
    k, p = (np.array([none if camera.get(key) is None else camera[key]
                      for camera in cameras], np.float64)
            for key, none in (('k', (0, 0, 0)), ('p', (0, 0))))
    depths = box_root_depth(scales, f, cube_sizes)
    image = patch_to_image(patch, affines[:, None], depths[:, None])
    # One lens a sample: its terms in front, samples behind.
    k, p = (terms.T[..., None, None, None] if terms.any() else None
            for terms in (k, p))
    return image_to_camera(image, f[:, None, None], c[:, None, None], k, p)
