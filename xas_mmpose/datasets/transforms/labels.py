"""Labels of the losses, in the normalised frame."""
from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from xas_mmpose.geometry.cameras import (
    camera_to_image,
    image_to_patch,
    patch_to_normalised,
)


@TRANSFORMS.register_module()
class NormaliseKeypoints3D(BaseTransform):
    """Make the 3D labels: camera mm to the crop's normalised frame.

    Stands behind ``CubeAffine``. Writes ``keypoint_labels`` (1, K, 3)
    float32 (x, y in -1..1 over the patch, z = depth behind the root over
    ``cube_size``) and ``keypoint_weights`` (1, K) float32.

    A weight is 0 for every key point of a target sample, and for one that is
    not annotated, not finite or not in front of the camera; where there are
    no finite numbers, or no 3D key points at all, the label is 0, so that no
    NaN meets a loss. A sample that comes from no data set of ours (MMPose's
    inference functions) passes unchanged.
    """

    def transform(self, results: dict) -> dict:
        """Add ``keypoint_labels`` and ``keypoint_weights``."""
        if results.get('keypoints_3d') is None:
            if 'domain' in results:
                num_keypoints = len(results['flip_indices'])
                results['keypoint_labels'] = np.zeros((1, num_keypoints, 3),
                                                      np.float32)
                results['keypoint_weights'] = np.zeros((1, num_keypoints),
                                                       np.float32)
            return results
        missing = [key for key in ('crop_affine', 'camera_param',
                                   'root_camera') if key not in results]
        if missing:
            raise ValueError(
                f'{results.get("img_path")}: labels need '
                f'{", ".join(missing)}; put GetCubeBox and CubeAffine in '
                'front, and give the data set its camera file')
        labels = normalised_labels(results)
        known = (np.isfinite(labels).all(axis=-1)
                 & (results['keypoints_3d'][..., 2] > 0)
                 & (results['keypoints_3d_visible'] > 0))
        weights = known & (results.get('domain') != 'target')
        results['keypoint_labels'] = np.where(known[..., None], labels,
                                              0).astype(np.float32)
        results['keypoint_weights'] = weights.astype(np.float32)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


def normalised_labels(results: dict) -> np.ndarray:
    """Map a cropped sample's 3D key points to the normalised frame.

    Args:
        results: Sample behind ``CubeAffine`` with ``keypoints_3d`` (1, K, 3)
            mm, ``root_camera`` (3,) mm, ``camera_param``, ``crop_affine``,
            ``input_size`` and ``cube_size``.

    Returns:
        Normalised key points (1, K, 3), float64.
    """
    camera = results['camera_param']
    image = camera_to_image(results['keypoints_3d'], camera['f'],
                            camera['c'], camera.get('k'), camera.get('p'))
    patch = image_to_patch(image, results['crop_affine'],
                           results['root_camera'][2])
    return patch_to_normalised(patch, results['input_size'],
                               results['cube_size'])
