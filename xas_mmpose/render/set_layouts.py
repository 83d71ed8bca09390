"""How a set of synthetic pairs lies on disk."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from xas_mmpose.skeletons import HUMAN36M_18, Skeleton

from .authors_layout import write_authors_index, write_authors_sample
from .resumable import write_whole
from .synthesis import Sample

if TYPE_CHECKING:
    from .pair_generator import SyntheticSetSettings


class CocoLayout:
    """Pictures and masks in folders, and ``annotations.json`` in COCO form.

    ``images/`` and ``masks/`` (0 and 255), at will ``parts/`` (part + 1, 0
    where the body is not) and ``depth/`` (16 bits, mm, 0 where the body is
    not) lie beside it, all of them named by the sample's index.

    Args:
        settings: What the set holds.
        skeleton: Its key points.
    """

    #: The file that is written last.
    index = 'annotations.json'

    def __init__(self, settings: SyntheticSetSettings,
                 skeleton: Skeleton) -> None:
        self.settings = settings
        self.skeleton = skeleton

    @staticmethod
    def subfolders(settings: SyntheticSetSettings) -> tuple[str, ...]:
        """Return the folders of a set."""
        wanted = dict(images=True, masks=True, parts=settings.parts,
                      depth=settings.depth)
        return tuple(name for name, kept in wanted.items() if kept)

    def write(self, sample: Sample, index: int, folder: Path) -> dict:
        """Write a sample's pictures.

        Args:
            sample: The sample.
            index: Its index.
            folder: Folder of the set.

        Returns:
            Its entries of ``annotations.json``, ``image`` and
            ``annotation``.
        """
        settings = self.settings
        suffix = settings.image_format
        height, width = sample.mask.shape
        image: dict[str, Any] = dict(
            id=index, file_name=f'images/{index:08d}.{suffix}',
            mask_file=f'masks/{index:08d}.png', width=width, height=height)
        _write_image(folder / image['file_name'], sample.image,
                     [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix == 'jpg' else [])
        _write_image(folder / image['mask_file'], sample.mask)
        if settings.parts:
            image['parts_file'] = f'parts/{index:08d}.png'
            _write_image(folder / image['parts_file'], sample.parts)
        if settings.depth:
            image['depth_file'] = f'depth/{index:08d}.png'
            _write_image(folder / image['depth_file'], np.rint(
                sample.depth).clip(0, 2**16 - 1).astype(np.uint16))
        annotation = _annotation(sample)
        subject = settings.subject_of(index)
        # COCO's evaluation code takes an annotation id of 0 for "no match".
        annotation.update(
            id=index + 1, image_id=index, subject=subject,
            body=Path(settings.body_of(subject)).stem, seed=settings.seed)
        return dict(image=image, annotation=annotation)

    def finish(self, folder: Path, records: Mapping[int, dict]) -> None:
        """Write the annotations.

        Args:
            folder: Folder of the set.
            records: What :meth:`write` returned for each sample.
        """
        skeleton = self.skeleton
        ordered = [records[index] for index in sorted(records)]
        described = self.settings.described
        content = dict(
            info=dict(description='Synthetic pairs rendered by xas_mmpose',
                      version=described['version'], seed=self.settings.seed,
                      generator=described),
            images=[record['image'] for record in ordered],
            annotations=[record['annotation'] for record in ordered],
            categories=[dict(
                id=1,
                name='person' if skeleton == HUMAN36M_18 else 'animal',
                keypoints=list(skeleton.keypoint_names),
                skeleton=[[a + 1, b + 1]
                          for a, b in skeleton.skeleton_links])])
        write_whole(folder / self.index, json.dumps(content).encode())


class AuthorsLayout:
    """The layout ``surreal_h36m_pose`` of the authors' released code.

    See :mod:`~xas_mmpose.render.authors_layout`.

    Args:
        settings: What the set holds.
        skeleton: Its key points.

    Raises:
        ValueError: If they are not Human3.6M's, or the pictures do not show
            2000 mm.
    """

    index = 'info.npy'

    def __init__(self, settings: SyntheticSetSettings,
                 skeleton: Skeleton) -> None:
        if skeleton != HUMAN36M_18:
            raise ValueError("the authors' layout is for people, and "
                             f'{settings.body} has the key points '
                             f'{skeleton.name}')
        self.skeleton = skeleton

    @staticmethod
    def subfolders(settings: SyntheticSetSettings) -> tuple[str, ...]:
        """Return the folders of a set."""
        return 'image', 'mask', 'joints'

    def write(self, sample: Sample, index: int, folder: Path) -> dict:
        """Write a sample's files; its record is empty."""
        write_authors_sample(folder, index, sample.image, sample.mask,
                             sample.keypoints, sample.keypoints_3d)
        return {}

    def finish(self, folder: Path, records: Mapping[int, dict]) -> None:
        """Write the list of samples."""
        write_authors_index(folder, records)


#: All layouts by name.
LAYOUTS: dict[str, type[CocoLayout] | type[AuthorsLayout]] = dict(
    coco=CocoLayout, surreal_h36m_pose=AuthorsLayout)


def _annotation(sample: Sample) -> dict:
    """Return a sample's labels as plain numbers."""
    rows, columns = np.nonzero(sample.mask)
    box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    keypoints = [
        number for (x, y), seen in zip(sample.keypoints.round(4),
                                       sample.keypoints_visible)
        for number in (float(x), float(y), int(seen))]
    camera = {key: value.tolist() if isinstance(value, np.ndarray) else value
              for key, value in sample.camera_param.items()}
    return dict(
        category_id=1,
        iscrowd=0,
        bbox=[int(v) for v in box],
        area=len(rows),
        keypoints=keypoints,
        num_keypoints=int((sample.keypoints_visible > 0).sum()),
        keypoints_3d=sample.keypoints_3d.round(3).tolist(),
        camera_param=camera,
        betas=_floats(sample.betas),
        global_orient=_floats(sample.global_orient),
        body_pose=_floats(sample.body_pose))


def _floats(values: np.ndarray) -> list[float]:
    """Return float32 numbers with no more digits than they have."""
    return [float(np.format_float_positional(v)) for v in values]


def _write_image(path: Path, image: np.ndarray,
                 options: list[int] | None = None) -> None:
    """Write an image whole or not at all."""
    done, data = cv2.imencode(path.suffix, image, options or [])
    if not done:
        raise RuntimeError(f'OpenCV cannot write {path}')
    write_whole(path, data.tobytes())
