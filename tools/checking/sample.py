"""Everything that is looked at in one sample."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from xas_mmpose.datasets.datasets.base import BasePoseDataset3D
from xas_mmpose.datasets.transforms.randomness import global_generators
from xas_mmpose.geometry.cameras import (
    image_to_camera,
    normalised_to_patch,
    patch_to_image,
)

from .pictures import read_mask, read_picture
from .sides import (
    asymmetries,
    bone_pairs,
    face_votes,
    knee_votes,
    plain_names,
)
from .sources import Source
from .stored import lens_cameras, reprojection, stored_pixels

#: A joint is off the mask when it is further from it than this share of the
#: mask's longer side, and a pixel.
_NEAR = 0.02
#: Shares of the joints off the mask, or out of the picture, that are told.
_MANY_OFF, _MANY_OUT = 1 / 3, 1 / 2
#: A mask that covers more than this share of the picture is told, as is one
#: whose longer side is shorter, in px.
_FULL, _SPECK = 0.95, 8
#: Distance of 3D key points from the 2D ones that is an error, as a share of
#: the picture's longer side.
_REPROJECTION = 0.005
#: A picture's width or height that differs by more from its camera's, over
#: that, is an error. Human3.6M's differ by 2 px of 1000.
_RESIZED = 0.01
#: Bones of a pair whose lengths differ by more, over their mean, are told.
_UNEVEN = 0.3
#: A pose that is smaller, in mm, is in metres; one that is larger is in none
#: of both.
_TINY, _HUGE = 20.0, 50_000.0


class SampleChecker:
    """Looks at the samples of a data set.

    Args:
        source: Where they come from.

    Raises:
        Exception: Whatever the data set raises where it cannot be built.
    """

    def __init__(self, source: Source) -> None:
        self.dataset = source.build()
        meta = self.dataset.metainfo
        ids = meta.get('keypoint_id2name', {})
        self.names = plain_names([ids[i] for i in range(len(ids))])
        self.pairs = bone_pairs(
            [(int(a), int(b)) for a, b in meta.get('skeleton_links', ())],
            list(meta.get('flip_indices', ())))
        self._stored = stored_pixels(self.dataset)
        self._lenses = lens_cameras(self.dataset)

    def facts(self) -> dict[str, Any]:
        """Return what a report tells of the data set.

        Returns:
            ``num`` samples, ``annotations`` in a file of COCO's form that
            one of MMPose's readers has filtered (else None), and the names
            of the paired bones, ``pairs``.
        """
        annotations = None
        if isinstance(self.dataset, BaseCocoStyleDataset) and not isinstance(
                self.dataset, BasePoseDataset3D):
            annotations = _count_annotations(self.dataset.ann_file)
        return dict(num=len(self.dataset), annotations=annotations,
                    pairs=[' / '.join(map(self.bone_name, pair))
                           for pair in self.pairs])

    def check(self, index: int) -> dict[str, Any]:
        """Look at a sample.

        Args:
            index: Its number.

        Returns:
            ``index``, ``name`` (its picture), ``id``, ``subject``, lists of
            words ``broken`` and ``suspicious``, and ``measures``; as JSON
            keeps it.
        """
        found: dict[str, Any] = dict(index=index, name=f'sample {index}',
                                     broken=[], suspicious=[], measures={})
        try:
            info = self.dataset.get_data_info(index)
        except Exception as error:
            found['broken'].append(f'its annotation cannot be read: '
                                   f'{describe(error)}')
            return found
        found.update(name=str(info.get('img_path', found['name'])),
                     id=_plain(info.get('id')),
                     subject=_plain(info.get('subject')))
        try:
            self._look(index, info, found)
        except Exception as error:
            found['broken'].append(f'it is not as others are: '
                                   f'{describe(error)}')
        return found

    def name(self, index: int) -> str:
        """Return the picture of a sample without reading it."""
        return str(self.dataset.get_data_info(index).get(
            'img_path', f'sample {index}'))

    def _look(self, index: int, info: Mapping[str, Any],
              found: dict) -> None:
        """Look at a sample whose annotation is read."""
        picture, mask = self._read_files(info, found)
        shape = None if picture is None else picture.shape[:2]
        self._check_numbers(info, found)
        self._check_camera(info, shape, found)
        self._check_boxes(info, shape, found)
        if not found['broken']:
            self._check_keypoints(info, shape, mask, found)
        if not found['broken']:
            self._check_pipeline(index, info, found)

    def _read_files(self, info: Mapping[str, Any], found: dict
                    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Read picture and mask."""
        picture = mask = None
        try:
            picture = info.get('img')
            if picture is None and 'img_path' in info:
                picture = read_picture(info['img_path'])
            if picture is not None:
                mask = read_mask(dict(info), picture)
        except (OSError, ValueError) as error:
            found['broken'].append(str(error))
        if mask is not None:
            covered = float(mask.mean())
            found['measures']['mask'] = covered
            if covered > _FULL:
                found['suspicious'].append(
                    f'its mask covers {covered:.0%} of the picture')
            side = max(np.ptp(places) + 1 for places in np.nonzero(mask))
            if side < _SPECK:
                found['suspicious'].append(f'its mask is {side} px large')
        return picture, mask

    def _check_numbers(self, info: Mapping[str, Any], found: dict) -> None:
        """Look for what is not finite, and for impossible cameras."""
        known = {'keypoints': 'keypoints_visible',
                 'keypoints_3d': 'keypoints_3d_visible'}
        for key in (*known, 'bbox', 'root_camera', 'head_size'):
            if info.get(key) is None:
                continue
            values = np.asarray(info[key], np.float64)
            if info.get(known.get(key)) is not None:
                values = values[_visible(info, known[key])]
            if not np.isfinite(values).all():
                found['broken'].append(f'{key} is not finite')
        root = info.get('root_camera')
        if root is not None and not root[2] > 0:
            found['broken'].append('its root is not in front of the camera')

    def _check_camera(self, info: Mapping[str, Any],
                      shape: tuple[int, int] | None, found: dict) -> None:
        """Look for cameras that are impossible, or of another picture."""
        camera = info.get('camera_param') or {}
        for key, value in camera.items():
            if isinstance(value, (np.ndarray, float, int)) and not (
                    np.isfinite(value).all()):
                found['broken'].append(f'camera_param: {key} is not finite')
        if 'f' in camera and not np.all(np.asarray(camera['f']) > 0):
            found['broken'].append('camera_param: f is not positive')
        if shape is None or not {'w', 'h'} <= set(camera):
            return
        size = camera['w'], camera['h']
        if any(abs(side - expected) > _RESIZED * expected
               for side, expected in zip(shape[::-1], size)):
            found['broken'].append(
                f'it is {shape[1]}x{shape[0]} px, but its camera '
                f'{size[0]}x{size[1]} px: take the picture as it was made')

    def _check_boxes(self, info: Mapping[str, Any],
                     shape: tuple[int, int] | None, found: dict) -> None:
        """Look where the annotated box lies, as the file has it."""
        raw = (info.get('raw_ann_info') or {})
        boxes = info.get('bbox')
        if isinstance(raw, dict) and 'bbox' in raw:
            x, y, width, height = raw['bbox']  # MMPose has cut its own
            boxes = [[x, y, x + width, y + height]]
        if boxes is None or shape is None:
            return
        outside = [outside_share(box, shape)
                   for box in np.asarray(boxes, np.float64).reshape(-1, 4)]
        worst = max(outside)
        found['measures']['box_outside'] = worst
        if worst >= 1:
            found['broken'].append('its box has no area in the picture')
        elif worst > _MANY_OUT:
            found['suspicious'].append(
                f'{worst:.0%} of its box lie out of the picture')

    def _check_keypoints(self, info: Mapping[str, Any],
                         shape: tuple[int, int] | None,
                         mask: np.ndarray | None, found: dict) -> None:
        """Look at the key points of every person of a sample."""
        if info.get('keypoints') is not None:
            points = np.asarray(info['keypoints'], np.float64)[..., :2]
            seen = _visible(info, 'keypoints_visible')
            points = points.reshape(-1, *points.shape[-2:])
            seen = seen.reshape(points.shape[:2])
            poses = _poses(info, len(points))
            votes = [face_votes(p, s, self.names, *pose)
                     for p, s, pose in zip(points, seen, poses)]
            found['measures']['face'] = np.sum(votes, 0).tolist()
            if not seen.any():
                found['suspicious'].append('none of its joints is known')
            if shape is not None:
                self._check_places(points[seen], shape, mask, found)
        if info.get('keypoints_3d') is not None:
            points = np.asarray(info['keypoints_3d'], np.float64)
            seen = _visible(info, 'keypoints_3d_visible')
            if len(points) == 1:
                self._check_pose(info, points[0],
                                 seen.reshape(points.shape[:2])[0], shape,
                                 found)

    def _check_places(self, points: np.ndarray, shape: tuple[int, int],
                      mask: np.ndarray | None, found: dict) -> None:
        """Look whether visible joints (N, 2) lie in picture and mask."""
        height, width = shape
        inside = ((points > -1) & (points < [width, height])).all(1)
        out = int((~inside).sum())
        measures = found['measures']
        measures.update(joints=len(points), out_of_picture=out)
        if out > _MANY_OUT * len(points):
            found['suspicious'].append(
                f'{out} of {len(points)} visible joints lie out of the '
                'picture')
        if mask is None or not inside.any():
            return
        near = np.rint(points[inside]).astype(int).clip(
            0, [width - 1, height - 1])
        rows, columns = np.nonzero(mask)
        reach = 1 + _NEAR * max(np.ptp(rows), np.ptp(columns))
        away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
        off = int((away[near[:, 1], near[:, 0]] > reach).sum())
        measures['off_mask'] = off
        if off > _MANY_OFF * len(near):
            found['suspicious'].append(
                f'{off} of {len(near)} joints are off the mask')

    def _check_pose(self, info: Mapping[str, Any], points: np.ndarray,
                    seen: np.ndarray, shape: tuple[int, int] | None,
                    found: dict) -> None:
        """Look at the 3D key points (K, 3) of a sample."""
        measures, known = found['measures'], points[seen]
        if len(known) < 2:
            return
        apart = np.ptp(known, axis=0).max()
        if not _TINY <= apart <= _HUGE:
            unit = 'metres' if apart < _TINY else 'mm where metres belong'
            found['broken'].append(f'its 3D key points are {apart:.2g} mm '
                                   f'apart at most: are they in {unit}?')
            return
        # Where there is no camera, nobody knows where it was.
        if info.get('camera_param') and (known[:, 2] <= 0).any():
            found['broken'].append('joints lie behind the camera')
        measures['knees'] = list(knee_votes(points, seen, self.names))
        uneven = asymmetries(points, seen, self.pairs)
        measures['asymmetry'] = uneven
        worst = max((v for v in uneven if v is not None), default=0)
        if worst > _UNEVEN:
            pair = self.pairs[uneven.index(worst)]
            found['suspicious'].append(
                f'{" and ".join(self.bone_name(bone) for bone in pair)} '
                f'differ in length by {worst:.0%}')
        camera = info.get('camera_param') or {}
        if self._stored is None or 'f' not in camera or shape is None:
            return
        pixels = self._stored(info)
        if pixels is None:
            return
        cameras = dict(reprojection=camera)
        lens = self._lenses.get((info.get('subject'), info.get('camera_id')))
        if lens is not None:
            cameras['reprojection_with_lens'] = lens
        for key, values in cameras.items():
            error = reprojection(points, seen, values, pixels)
            if len(error):
                measures[key] = [float(error.mean()), float(error.max())]
        worst = measures.get('reprojection', [0, 0])[1]
        if worst > _REPROJECTION * max(shape):
            found['broken'].append(
                f'its 3D key points are projected {worst:.1f} px from the 2D '
                'ones: camera and key points do not belong together')

    def _check_pipeline(self, index: int, info: Mapping[str, Any],
                        found: dict) -> None:
        """Take a sample through all steps."""
        try:
            with global_generators(0, index):
                packed = self.dataset.prepare_data(index)
        except Exception as error:
            found['broken'].append(f'its pipeline fails: {describe(error)}')
            return
        if packed is None:
            found['suspicious'].append('its pipeline drops it')
            return
        sample = packed.get('data_samples') if isinstance(
            packed, Mapping) else None
        if sample is None:
            return
        fields = sample.get('gt_fields')
        if fields is not None and 'masks' in fields and not (
                np.asarray(fields.masks) > 127).any():
            found['suspicious'].append('its crop shows nothing of the mask')
        error = round_trip(sample, info.get('root_camera'))
        if error is not None:
            found['measures']['truth_mm'] = error

    def bone_name(self, bone: tuple[int, int]) -> str:
        """Return what a bone is called."""
        return f'{self.names[bone[0]]}-{self.names[bone[1]]}'


def outside_share(box: np.ndarray, shape: tuple[int, int]) -> float:
    """Return the share of a box (x1, y1, x2, y2) out of a picture.

    1 where the box has no area.
    """
    area = np.prod(np.maximum(box[2:] - box[:2], 0))
    # Pixels are areas around whole numbers; a box may count from their edge.
    shown = np.prod(np.maximum(
        np.minimum(box[2:], shape[::-1]) - np.maximum(box[:2], -0.5), 0))
    return float(1 - shown / area) if area > 0 else 1.0


def round_trip(sample: Any, root: np.ndarray | None) -> float | None:
    """Return how far labels, taken as a prediction, are from the truth.

    Args:
        sample: Packed sample: its labels are normalised, its truth is in mm.
        root: The root (3,) in the camera frame, mm, that the depths of the
            labels count from.

    Returns:
        Largest distance of a known joint, both centred on the root's depth,
        in mm; None where a sample has no such labels.
    """
    labels = sample.get('gt_instance_labels')
    truth = sample.get('gt_instances')
    if (root is None or labels is None or 'keypoint_labels' not in labels
            or truth is None or 'keypoints_3d' not in truth
            or 'crop_affine' not in sample):
        return None
    camera = sample.camera_param
    patch = normalised_to_patch(
        np.asarray(labels.keypoint_labels, np.float64), sample.input_size,
        sample.cube_size)
    points = image_to_camera(
        patch_to_image(patch, sample.crop_affine, root[2]), camera['f'],
        camera['c'], camera.get('k'), camera.get('p'))
    error = np.linalg.norm(points - truth.keypoints_3d, axis=-1)
    known = np.asarray(truth.keypoints_3d_visible) > 0
    return float(error[known].max()) if known.any() else None


def describe(error: BaseException) -> str:
    """Return an error's kind and words."""
    return f'{type(error).__name__}: {error}'


def _visible(info: Mapping[str, Any], key: str) -> np.ndarray:
    """Return which key points (N, K) are known."""
    points = np.asarray(info[key.removesuffix('_visible')])
    if info.get(key) is None:
        return np.ones(points.shape[:2], bool)
    visible = np.asarray(info[key])
    # Some of MMPose's have a weight in a second column.
    return (visible[..., 0] if visible.ndim == 3 else visible) > 0


def _poses(info: Mapping[str, Any], num: int
           ) -> list[tuple[np.ndarray, np.ndarray] | tuple[()]]:
    """Return 3D key points (K, 3) and which are known, of each person.

    Nothing where a sample has none.
    """
    if info.get('keypoints_3d') is None:
        return [()] * num
    points = np.asarray(info['keypoints_3d'], np.float64)
    return list(zip(points, _visible(info, 'keypoints_3d_visible').reshape(
        points.shape[:2])))


def _count_annotations(path: str) -> int | None:
    """Count the annotations of a file of COCO's form."""
    if not path.endswith('.json'):
        return None
    with open(path, encoding='utf-8') as file:
        content = json.load(file)
    return (len(content.get('annotations', ()))
            if isinstance(content, dict) else len(content))


def _plain(value: Any) -> Any:
    """Return a number or word as JSON keeps it."""
    return value.item() if isinstance(value, np.generic) else value
