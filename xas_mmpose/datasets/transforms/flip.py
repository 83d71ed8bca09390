"""The mirror, with all that belongs to the picture."""
from __future__ import annotations

from typing import Any

import numpy as np
from mmpose.datasets.transforms import RandomFlip
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomFlipPose3D(RandomFlip):
    """Mirror picture, mask, box, key points, 3D key points and camera.

    MMPose's ``RandomFlip`` does the first four and would leave the 3D key
    points and the camera behind. Stands in front of ``CubeAffine``; before
    or behind ``GetCubeBox`` makes no difference.

    The camera becomes that of the mirrored room: x in the camera frame and x
    in the world are both reversed, so that R stays a rotation, a projected
    point lands on its mirrored pixel (x goes to width - 1 - x), and left and
    right of the person are exchanged by name.

    Args:
        prob: How often a sample is mirrored.
    """

    def __init__(self, prob: float = 0.5) -> None:
        super().__init__(prob=float(prob), direction='horizontal')

    def transform(self, results: dict) -> dict:
        """Mirror the sample, or not; ``flip`` says which."""
        if 'input_size' in results:
            raise ValueError('RandomFlipPose3D stands in front of '
                             'CubeAffine: the crop forgets where the camera '
                             'was')
        results = super().transform(results)
        if not results['flip']:
            return results
        mirror = np.array([-1.0, 1.0, 1.0])
        partners = list(results['flip_indices'])
        if results.get('keypoints_3d') is not None:
            results['keypoints_3d'] = (
                results['keypoints_3d'][:, partners] * mirror)
        if results.get('keypoints_3d_visible') is not None:
            results['keypoints_3d_visible'] = (
                results['keypoints_3d_visible'][:, partners])
        if results.get('root_camera') is not None:
            results['root_camera'] = results['root_camera'] * mirror
        if results.get('camera_param') is not None:
            results['camera_param'] = mirror_camera(
                results['camera_param'], results['img_shape'][1])
        return results


def mirror_camera(camera_param: dict[str, Any], width: int) -> dict[str, Any]:
    """Return the camera of a mirrored picture and a mirrored world.

    Args:
        camera_param: The camera; stays as it is.
        width: Width of the picture in px.

    Returns:
        The camera that sees ``x * (-1, 1, 1)`` where the given one sees
        ``x``, in a picture mirrored from pixel x to width - 1 - x. The lens
        terms are mirrored with it.
    """
    mirror = np.array([-1.0, 1.0, 1.0])
    camera = dict(camera_param)
    camera['c'] = np.array([width - 1 - camera['c'][0], camera['c'][1]])
    if 'R' in camera:
        camera['R'] = camera['R'] * np.outer(mirror, mirror)
        camera['T'] = camera['T'] * mirror
    if 'p' in camera:
        # The second term goes with x; see geometry.cameras.distort.
        camera['p'] = camera['p'] * np.array([1.0, -1.0])
    return camera
