"""The crop of a metric cube: where it lies, its jitter, and the warp.

Frames and half-pixel conventions are those of
:mod:`xas_mmpose.geometry.cameras`.
"""
from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from xas_mmpose.geometry.cameras import (
    apply_affine,
    crop_affine,
    cube_box,
    mask_box,
)

from .mask import MASK_THRESHOLD
from .randomness import pipeline_generator


@TRANSFORMS.register_module()
class GetCubeBox(BaseTransform):
    """Place the crop's box.

    Writes ``bbox_center`` (1, 2) and ``bbox_scale`` (1, 2) in image px,
    ``bbox`` (1, 4) xyxy, ``bbox_score`` (1,), ``cube_size`` (float, mm) and
    ``crop_rule``.

    ``cube_size`` is the metric side of the box at the root's depth. With
    rule ``root`` it is exact. With rule ``mask`` it is assumed for target
    pictures, while a synthetic picture, whose root is known, gets its own:
    the depth labels of both then mean the same fraction of the box.

    Where a rule's source is missing and the sample brings a ``bbox``, as in
    MMPose's inference functions, that box is taken: its longer side times
    ``padding``, square. ``crop_rule`` then reads ``'bbox'``.

    Args:
        rule: ``'root'``: the projected cube around ``root_camera``, the
            paper's protocol, which needs annotated roots. ``'mask'``: a
            square around the mask, which needs no annotation.
        cube_size: Side of the cube in mm.
        padding: Side of the square over the longer side of the mask.

    Raises:
        ValueError: If the rule's source is missing and there is no box.
    """

    def __init__(self, rule: str = 'root', cube_size: float = 2000.0,
                 padding: float = 1.25) -> None:
        if rule not in ('root', 'mask'):
            raise ValueError(f"the crop rule is 'root' or 'mask', got "
                             f'{rule!r}')
        if cube_size <= 0 or padding <= 0:
            raise ValueError(f'cube_size ({cube_size}) and padding '
                             f'({padding}) are positive')
        self.rule = rule
        self.cube_size = float(cube_size)
        self.padding = float(padding)

    def transform(self, results: dict) -> dict:
        """Add the box and the cube's size."""
        results['crop_rule'] = self.rule
        results['cube_size'] = self.cube_size
        if self.rule == 'root' and 'root_camera' in results:
            center, scale = self._root_box(results)
        elif self.rule == 'mask' and results.get('img_mask') is not None:
            center, scale = mask_box(results['img_mask'] > MASK_THRESHOLD,
                                     self.padding)
            if results.get('domain') == 'synthetic':
                results['cube_size'] = _true_cube_size(results, scale)
        elif results.get('bbox') is not None:
            corners = np.asarray(results['bbox'], np.float64).reshape(2, 2)
            center = corners.mean(axis=0)
            scale = np.full(2, np.ptp(corners, axis=0).max() * self.padding)
            results['crop_rule'] = 'bbox'
        else:
            cure = ('root_camera and camera_param: set carry_root or '
                    "carry_labels on the data set, or rule='mask'"
                    if self.rule == 'root' else
                    'img_mask: put LoadMask in front')
            raise ValueError(f'{results.get("img_path")}: crop rule '
                             f'{self.rule!r} needs {cure}')
        results['bbox_center'] = center[None]
        results['bbox_scale'] = scale[None]
        if results['crop_rule'] != 'bbox':
            results['bbox'] = np.concatenate(
                [center - scale / 2,
                 center + scale / 2])[None].astype(np.float32)
        results.setdefault('bbox_score', np.ones(1, np.float32))
        return results

    def _root_box(self, results: dict) -> tuple[np.ndarray, np.ndarray]:
        """Return the box of the cube around the annotated root."""
        camera, root = results.get('camera_param'), results['root_camera']
        if camera is None:
            raise ValueError(f'{results.get("img_path")}: crop rule \'root\' '
                             'needs camera_param: give the data set its '
                             'camera file')
        if not np.isfinite(root).all() or root[2] <= 0:
            raise ValueError(
                f'{results.get("img_path")}: its annotated root '
                f'{root.tolist()} mm is not in front of the camera; leave '
                "the picture out, or use rule='mask'")
        return cube_box(root, camera['f'], camera['c'], self.cube_size,
                        camera.get('k'), camera.get('p'))

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(rule={self.rule!r}, cube_size='
                f'{self.cube_size}, padding={self.padding})')


def _true_cube_size(results: dict, scale: np.ndarray) -> float:
    """Return the metric side of a box at the root's depth, mm.

    Inverts :func:`xas_mmpose.geometry.cameras.box_root_depth`.
    """
    focal = results['camera_param']['f']
    return float(results['root_camera'][2] / (focal / scale).mean())


@TRANSFORMS.register_module()
class RandomCubeTransform(BaseTransform):
    """Shift, scale and turn the crop's box at random; for training only.

    A larger box shows a larger cube, so ``cube_size`` scales along and depth
    keeps its meaning. Labels are taken in the patch's frame later on and stay
    exact. The box turns about its own centre. MMPose's restoring of
    predictions to the picture does not know about rotations, which is why
    this has no place in a test pipeline.

    Args:
        shift_factor: Largest shift along x and y, over the box's side.
        shift_prob: How often the box is shifted.
        scale_factor: Smallest and largest factor on the box's side.
        scale_prob: How often the box is scaled.
        rotate_factor: Largest rotation either way, degrees.
        rotate_prob: How often the box is turned.
    """

    def __init__(self,
                 shift_factor: float = 0.05,
                 shift_prob: float = 1.0,
                 scale_factor: tuple[float, float] = (0.9, 1.1),
                 scale_prob: float = 1.0,
                 rotate_factor: float = 30.0,
                 rotate_prob: float = 0.5) -> None:
        low, high = scale_factor
        if not 0 < low <= high:
            raise ValueError('scale_factor is a pair 0 < low <= high, got '
                             f'{scale_factor}')
        self.shift_factor = shift_factor
        self.shift_prob = shift_prob
        self.scale_factor = (low, high)
        self.scale_prob = scale_prob
        self.rotate_factor = rotate_factor
        self.rotate_prob = rotate_prob

    def transform(self, results: dict) -> dict:
        """Modify the box and ``cube_size``; add ``bbox_rotation`` (1,)."""
        if 'cube_size' not in results or 'input_size' in results:
            raise ValueError('RandomCubeTransform stands between GetCubeBox '
                             'and CubeAffine')
        rng = pipeline_generator()
        # Everything is drawn always, so that one probability does not change
        # the other numbers.
        chances = rng.random(3)
        shift = rng.uniform(-self.shift_factor, self.shift_factor, (1, 2))
        scale = rng.uniform(*self.scale_factor)
        angle = rng.uniform(-self.rotate_factor, self.rotate_factor)
        if chances[0] < self.shift_prob:
            results['bbox_center'] = (results['bbox_center']
                                      + shift * results['bbox_scale'])
        if chances[1] < self.scale_prob:
            results['bbox_scale'] = results['bbox_scale'] * scale
            results['cube_size'] = results['cube_size'] * scale
        if chances[2] < self.rotate_prob:
            results['bbox_rotation'] = np.array([angle])
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(shift_factor={self.shift_factor}, '
                f'shift_prob={self.shift_prob}, '
                f'scale_factor={self.scale_factor}, '
                f'scale_prob={self.scale_prob}, '
                f'rotate_factor={self.rotate_factor}, '
                f'rotate_prob={self.rotate_prob})')


@TRANSFORMS.register_module()
class CubeAffine(BaseTransform):
    """Cut the box out of picture, mask and key points, with one affine map.

    MMPose's ``TopdownAffine`` leaves the mask as large as the picture, makes
    the box as wide as the patch's aspect asks for, and forgets its matrix.
    Here the box, which may be a little anisotropic (f_x is not f_y), fills
    the patch: give a square ``input_size``.

    A patch pixel is the mean of the picture over its area: reading one point
    of a picture of more pixels than the patch makes thin limbs and patterns
    flicker.

    Writes ``img`` and ``img_mask`` of the patch's size (linear, border 0),
    ``transformed_keypoints`` (1, K, 2) patch px where there are
    ``keypoints``, ``input_size`` (w, h), ``input_center`` (2,) and
    ``input_scale`` (2,) in image px, ``crop_affine`` (2, 3) from image to
    patch px, and ``img_shape``.

    Args:
        input_size: Width and height of the patch in px.
        supersampling: Points of the picture that are read for a patch pixel,
            along each axis; None for as many as it has pixels there. 1 reads
            one, as the authors' released code does.
    """

    def __init__(self,
                 input_size: tuple[int, int],
                 supersampling: int | None = None) -> None:
        if len(input_size) != 2 or min(input_size) < 1:
            raise ValueError('input_size is (width, height) in px, got '
                             f'{input_size}')
        if supersampling is not None and supersampling < 1:
            raise ValueError('supersampling is a number of points from 1 up, '
                             f'or None, got {supersampling}')
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.supersampling = supersampling

    def transform(self, results: dict) -> dict:
        """Warp everything that lies in the picture."""
        if 'bbox_center' not in results:
            raise ValueError('CubeAffine needs a box: put GetCubeBox in '
                             'front')
        center, scale = results['bbox_center'][0], results['bbox_scale'][0]
        rotation = float(results.get('bbox_rotation', [0.0])[0])
        affine = crop_affine(center, scale, self.input_size, rotation)
        for key in ('img', 'img_mask'):
            if results.get(key) is not None:
                results[key] = self._warp(results[key], affine)
        if results.get('keypoints') is not None:
            results['transformed_keypoints'] = apply_affine(
                np.asarray(results['keypoints'], np.float64)[..., :2],
                affine)
        results.update(
            input_size=self.input_size,
            input_center=center,
            input_scale=scale,
            crop_affine=affine,
            img_shape=self.input_size[::-1])
        return results

    def _warp(self, picture: np.ndarray, affine: np.ndarray) -> np.ndarray:
        """Return the patch (h, w[, C]) of a picture (H, W[, C])."""
        fine = self.supersampling or max(1, round(
            float(abs(np.linalg.det(affine[:, :2]))**-0.5)))
        # A patch pixel, half a pixel to each side of its centre, is cut into
        # fine x fine.
        finer = affine * fine
        finer[:, 2] += (fine - 1) / 2
        width, height = self.input_size
        patch = cv2.warpAffine(
            picture, finer, (width * fine, height * fine),
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
            borderValue=0)
        return patch if fine == 1 else cv2.resize(
            patch, self.input_size, interpolation=cv2.INTER_AREA)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(input_size={self.input_size}, '
                f'supersampling={self.supersampling})')
