"""Sets of synthetic pairs: what they hold, sample by sample.

Every sample is a function of (seed, index) alone, every person of (seed,
subject).
"""
from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np

from xas_mmpose.body_models import SMPLBody, free_human
from xas_mmpose.skeletons import HUMAN36M_18

from .appearance import PaintedWardrobe
from .resumable import write_whole
from .synthesis import Sample, SceneSettings, Subject, Synthesizer

#: Changes when the same settings give other pictures.
VERSION = '1.0'

#: First word of a seed: keeps people and samples apart.
_SUBJECT_STREAM, _SAMPLE_STREAM = 0, 1


@dataclasses.dataclass(frozen=True)
class SyntheticSetSettings:
    """What a folder of synthetic pairs holds.

    Args:
        num: Number of pairs.
        seed: Seed of everything random.
        num_subjects: Number of people; sample i shows person i modulo that.
            None gives every sample its own.
        image_format: ``jpg`` (quality 95) or ``png``. Masks are png.
        body: Body model file (SMPL format ``.npz``), None for the free human
            that the package ships.
        scene: Pictures and cameras.
    """

    num: int
    seed: int = 0
    num_subjects: int | None = None
    image_format: str = 'jpg'
    body: str | None = None
    scene: SceneSettings = dataclasses.field(default_factory=SceneSettings)

    def __post_init__(self) -> None:
        if self.num < 1 or self.seed < 0:
            raise ValueError('num must be at least 1 and seed at least 0, '
                             f'got {self.num} and {self.seed}')
        if self.num_subjects is not None and self.num_subjects < 1:
            raise ValueError('num_subjects must be at least 1, got '
                             f'{self.num_subjects}')
        if self.image_format not in ('jpg', 'png'):
            raise ValueError("image_format must be 'jpg' or 'png', got "
                             f'{self.image_format!r}')

    def subject_of(self, index: int) -> int:
        """Return the person that a sample shows."""
        return index % self.num_subjects if self.num_subjects else index

    def described(self) -> dict:
        """Return the settings, and the version, as JSON keeps them."""
        stored = dict(version=VERSION, **dataclasses.asdict(self))
        return json.loads(json.dumps(stored))  # tuples become lists


class SyntheticSetGenerator:
    """Makes the samples of a set, in any order.

    Args:
        settings: What the set holds.
    """

    def __init__(self, settings: SyntheticSetSettings) -> None:
        self.settings = settings
        body = (SMPLBody.from_file(settings.body)
                if settings.body else free_human())
        self.synthesizer = Synthesizer(body, PaintedWardrobe(body),
                                       settings.scene)

    def __reduce__(self) -> tuple:
        # Made anew in another process: sending tensors would move their
        # memory, under the numpy arrays that look into them.
        return type(self), (self.settings,)

    def subject(self, subject: int) -> Subject:
        """Return a person of the set."""
        return self.synthesizer.draw_subject(np.random.default_rng(
            [_SUBJECT_STREAM, self.settings.seed, subject]))

    def sample(self, index: int) -> Sample:
        """Return a sample of the set."""
        return self.synthesizer.draw_sample(
            np.random.default_rng(
                [_SAMPLE_STREAM, self.settings.seed, index]),
            self.subject(self.settings.subject_of(index)))

    def write(self, index: int, folder: Path) -> dict:
        """Write a sample's image and mask.

        Args:
            index: Index of the sample.
            folder: Folder of the set.

        Returns:
            The sample's entries of ``annotations.json``: ``image`` and
            ``annotation``.
        """
        sample = self.sample(index)
        suffix = self.settings.image_format
        file_name = f'images/{index:08d}.{suffix}'
        mask_file = f'masks/{index:08d}.png'
        _write_image(folder / file_name, sample.image,
                     [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix == 'jpg' else [])
        _write_image(folder / mask_file, sample.mask, [])
        height, width = sample.mask.shape
        image = dict(id=index, file_name=file_name, mask_file=mask_file,
                     width=width, height=height)
        annotation = _annotation(sample)
        # COCO's evaluation code takes an annotation id of 0 for "no match".
        annotation.update(
            id=index + 1, image_id=index,
            subject=self.settings.subject_of(index), seed=self.settings.seed)
        return dict(image=image, annotation=annotation)


def _annotation(sample: Sample) -> dict:
    """Return a sample's labels as plain numbers."""
    height, width = sample.mask.shape
    rows, columns = np.nonzero(sample.mask)
    if len(rows):
        box = [columns.min(), rows.min(), np.ptp(columns) + 1,
               np.ptp(rows) + 1]
    else:
        box = [0, 0, 0, 0]
    # Pixels are areas around whole numbers.
    inside = ((sample.keypoints >= -0.5)
              & (sample.keypoints < (width - 0.5, height - 0.5))).all(1)
    keypoints = [
        number for (x, y), seen in zip(sample.keypoints.round(4), inside)
        for number in (float(x), float(y), 2 if seen else 0)]
    camera = {key: value.tolist() if isinstance(value, np.ndarray) else value
              for key, value in sample.camera_param.items()}
    return dict(
        category_id=1,
        iscrowd=0,
        bbox=[int(v) for v in box],
        area=len(rows),
        keypoints=keypoints,
        num_keypoints=int(inside.sum()),
        keypoints_3d=sample.keypoints_3d.round(3).tolist(),
        camera_param=camera,
        betas=_floats(sample.betas),
        global_orient=_floats(sample.global_orient),
        body_pose=_floats(sample.body_pose))


def _floats(values: np.ndarray) -> list[float]:
    """Return float32 numbers with no more digits than they have."""
    return [float(np.format_float_positional(v)) for v in values]


def coco_annotations(settings: SyntheticSetSettings,
                     records: list[dict]) -> dict:
    """Return the content of ``annotations.json``.

    Args:
        settings: What the set holds.
        records: What :meth:`SyntheticSetGenerator.write` returned for each
            sample, in their order.

    Returns:
        A data set in COCO form.
    """
    skeleton = HUMAN36M_18
    return dict(
        info=dict(description='Synthetic pairs rendered by xas_mmpose',
                  version=VERSION, seed=settings.seed,
                  generator=settings.described()),
        images=[record['image'] for record in records],
        annotations=[record['annotation'] for record in records],
        categories=[dict(
            id=1, name='person', keypoints=list(skeleton.keypoint_names),
            skeleton=[[a + 1, b + 1] for a, b in skeleton.skeleton_links])])


def _write_image(path: Path, image: np.ndarray, options: list[int]) -> None:
    """Write an image whole or not at all."""
    done, data = cv2.imencode(path.suffix, image, options)
    if not done:
        raise RuntimeError(f'OpenCV cannot write {path}')
    write_whole(path, data.tobytes())
