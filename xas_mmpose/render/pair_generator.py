"""Sets of synthetic pairs: what they hold, sample by sample.

Every sample is a function of (seed, index) alone, every body of (seed,
subject).
"""
from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path

import numpy as np

from xas_mmpose.body_models import animal_names, body_names, load_body
from xas_mmpose.body_models.loading import REGRESSOR_NAME, SYMMETRY_NAME
from xas_mmpose.skeletons import Skeleton

from .casting import (
    LOOKS,
    POSE_RULES,
    POSE_WORDS,
    make_pose_prior,
    make_shape_prior,
    make_wardrobe,
    scaled_scene,
)
from .fingerprint import fingerprint
from .photo_background import PhotoBackground
from .set_layouts import LAYOUTS
from .synthesis import Sample, SceneSettings, Subject, Synthesizer
from .uv_projection import SIDES

#: Changes when the same settings give other pictures.
VERSION = '2.0'

#: First word of a seed: keeps bodies and samples apart.
_SUBJECT_STREAM, _SAMPLE_STREAM = 0, 1

#: Settings that name a file or a folder, and what it is.
_FILES = dict(
    textures='folder of texture pictures',
    uv_template='.obj or .pkl with texture coordinates',
    family_data="file of the families' shapes (smal_CVPR2017_data.pkl)",
    backgrounds='folder of photographs')

#: Words for all animals of the package.
ANIMALS = ('animals', 'quadruped')

#: How often a picture that shows nothing of the body is drawn again.
_ATTEMPTS = 50


@dataclasses.dataclass(frozen=True)
class SyntheticSetSettings:
    """What a set of synthetic pairs holds.

    Args:
        num: Number of pairs.
        seed: Seed of everything random.
        num_subjects: Number of bodies; sample i shows body i modulo that.
            None gives every sample its own.
        body: What :func:`~xas_mmpose.body_models.load_body` takes: the name
            of a shipped body or a model file; or ``quadruped`` (or
            ``animals``) for all animals of the package. Several, with commas
            between them, take turns from subject to subject; their key
            points must be the same.
        look: See :func:`~xas_mmpose.render.casting.make_wardrobe`.
        textures: Folder of texture pictures.
        uv_template: ``.obj`` or ``.pkl`` with the texture coordinates, or
            ``sides``, for bodies that come without.
        family: Family of animals that shapes are drawn from, or ``all``, for
            SMAL bodies, see
            :func:`~xas_mmpose.render.casting.make_shape_prior`.
        family_data: SMAL's file of the families' shapes.
        poses: Where poses come from, see
            :func:`~xas_mmpose.render.casting.make_pose_prior`: files,
            folders, animals that lend theirs, ``clips``, ``ranges``; none:
            the poses that came with the body, or ranges per joint. People
            of the files stand in a world with z up, as AMASS's do.
        pose_step: Every how manieth pose of each of these files is taken.
        pose_rule: Ranges of people's poses, a key of
            :data:`~xas_mmpose.render.casting.POSE_RULES`.
        reject_crossing: Whether poses are drawn again in which the body runs
            through itself.
        backgrounds: Folder of photographs; None for painted backgrounds.
        scene: Pictures and cameras, for people; animals' are scaled with
            them, see :func:`~xas_mmpose.render.casting.scaled_scene`.
        layout: How the set is written, a key of
            :data:`~xas_mmpose.render.set_layouts.LAYOUTS`.
        image_format: ``jpg`` (quality 95) or ``png``, in layout ``coco``.
        parts: Whether maps of the body parts are written, in layout
            ``coco``.
        depth: Whether maps of the depth are written, in layout ``coco``.

    Raises:
        ValueError: If a value is impossible.
    """

    num: int
    seed: int = 0
    num_subjects: int | None = None
    body: str = 'human'
    look: str = 'auto'
    textures: str | None = None
    uv_template: str | None = None
    family: str | None = None
    family_data: str | None = None
    poses: tuple[str, ...] = ()
    pose_step: int = 1
    pose_rule: str = 'default'
    reject_crossing: bool = True
    backgrounds: str | None = None
    scene: SceneSettings = dataclasses.field(default_factory=SceneSettings)
    layout: str = 'coco'
    image_format: str = 'jpg'
    parts: bool = False
    depth: bool = False

    def __post_init__(self) -> None:
        if self.num < 1 or self.seed < 0:
            raise ValueError('num must be at least 1 and seed at least 0, '
                             f'got {self.num} and {self.seed}')
        if self.num_subjects is not None and self.num_subjects < 1:
            raise ValueError('num_subjects must be at least 1, got '
                             f'{self.num_subjects}')
        if self.pose_step < 1:
            raise ValueError('pose_step must be at least 1, got '
                             f'{self.pose_step}')
        if not all(self.bodies):
            raise ValueError(f'body names no body in {self.body!r}')
        if 'smal' in self.bodies and not Path('smal').is_file():
            raise ValueError(
                "body: 'smal' is no file. Register at "
                'https://smal.is.tue.mpg.de and give the path of the model '
                '(smal_CVPR2017.pkl, or my_smpl_00781_4_all.pkl of SMALST); '
                f'or take {ANIMALS[1]!r}, the free animals of the package, '
                'which need no file')
        for name, choices in (('look', LOOKS),
                              ('pose_rule', tuple(POSE_RULES)),
                              ('layout', tuple(LAYOUTS)),
                              ('image_format', ('jpg', 'png'))):
            if getattr(self, name) not in choices:
                raise ValueError(f'{name} must be one of {choices}, got '
                                 f'{getattr(self, name)!r}')
        if self.layout != 'coco' and (self.parts or self.depth
                                      or self.image_format != 'jpg'):
            raise ValueError(f'layout {self.layout!r} knows neither parts nor '
                             'depth nor image_format')

    @property
    def bodies(self) -> tuple[str, ...]:
        """Each of the bodies."""
        names: list[str] = []
        for name in map(str.strip, self.body.split(',')):
            names += animal_names() if name in ANIMALS else [name]
        return tuple(names)

    def subject_of(self, index: int) -> int:
        """Return the subject that a sample shows."""
        return index % self.num_subjects if self.num_subjects else index

    def body_of(self, subject: int) -> str:
        """Return the body of a subject."""
        return self.bodies[subject % len(self.bodies)]

    @functools.cached_property
    def described(self) -> dict:
        """The settings as JSON keeps them: all that decides the bytes.

        Files and folders lose their place, and gain a checksum.

        Raises:
            FileNotFoundError: If one of them is missing.
        """
        stored = dict(version=VERSION, **dataclasses.asdict(self))
        stored.update(
            body=[Path(name).name for name in self.bodies],
            poses=[Path(name).name for name in self.poses],
            checksums=self._checksums())
        for key in _FILES:
            if stored[key] is not None:
                stored[key] = Path(stored[key]).name
        return json.loads(json.dumps(stored))  # tuples become lists

    def _checksums(self) -> dict[str, list[str]]:
        """Return checksums of all that is not the package's own."""
        files = dict(body=self._model_files(),
                     poses=[name for name in self.poses
                            if name not in (*body_names(), *POSE_WORDS)])
        kinds = dict(_FILES, body='model file',
                     poses='file or folder of poses')
        for key in _FILES:
            name = getattr(self, key)
            files[key] = [] if name in (None, SIDES) else [name]
        for key, names in files.items():
            for name in names:
                if not Path(name).exists():
                    cure = (f'take one of {", ".join(body_names())}'
                            if key == 'body' else f'leave {key} out')
                    raise FileNotFoundError(
                        f'{key}: there is no {kinds[key]} {name}; correct '
                        f'the path, or {cure}')
        # They lie beside official files. The first decides the key points
        # of SMPL's, the second the template of SMAL's.
        for key, beside in (('regressor', REGRESSOR_NAME),
                            ('symmetry', SYMMETRY_NAME)):
            files[key] = [path for name in files['body']
                          if (path := Path(name).parent / beside).is_file()]
        return {key: [fingerprint(name) for name in names]
                for key, names in files.items() if names}

    def _model_files(self) -> list[str]:
        """Return the bodies that are files, as ``load_body`` tells them."""
        return [name for name in self.bodies if name not in body_names()
                and (Path(name).suffix in ('.npz', '.pkl')
                     or Path(name).is_file())]


class SyntheticSetGenerator:
    """Makes the samples of a set, in any order.

    Args:
        settings: What the set holds.

    Raises:
        ValueError: If the bodies have different key points, or something
            does not suit a body.
        FileNotFoundError: If a file is missing.
    """

    def __init__(self, settings: SyntheticSetSettings) -> None:
        self.settings = settings
        background = (PhotoBackground(settings.backgrounds).draw
                      if settings.backgrounds else None)
        self.synthesizers: dict[str, Synthesizer] = {}
        for name in settings.bodies:
            body = load_body(name)
            try:
                self.synthesizers[name] = Synthesizer(
                    body,
                    make_wardrobe(body, settings.look, settings.textures,
                                  settings.uv_template),
                    scaled_scene(body, settings.scene),
                    make_pose_prior(body, settings.poses,
                                    settings.reject_crossing,
                                    settings.pose_step, settings.pose_rule),
                    make_shape_prior(body, settings.family,
                                     settings.family_data),
                    background)
            except ValueError as error:
                raise ValueError(f'body {name}: {error}') from error
        skeletons = [maker.body.skeleton
                     for maker in self.synthesizers.values()]
        if any(skeleton != skeletons[0] for skeleton in skeletons):
            raise ValueError(
                f'{settings.body} have different key points, '
                f'{", ".join(s.name for s in skeletons)}: make a set of each')
        self.layout = LAYOUTS[settings.layout](settings, skeletons[0])

    def __reduce__(self) -> tuple:
        # Made anew in another process: sending tensors would move their
        # memory, under the numpy arrays that look into them.
        return type(self), (self.settings,)

    @property
    def skeleton(self) -> Skeleton:
        """The key points of all bodies."""
        return self.layout.skeleton

    def subject(self, subject: int) -> Subject:
        """Return a body of the set."""
        return self._synthesizer(subject).draw_subject(np.random.default_rng(
            [_SUBJECT_STREAM, self.settings.seed, subject]))

    def sample(self, index: int) -> Sample:
        """Return a sample of the set.

        Raises:
            ValueError: If no picture shows anything of the body.
        """
        rng = np.random.default_rng(
            [_SAMPLE_STREAM, self.settings.seed, index])
        number = self.settings.subject_of(index)
        subject = self.subject(number)
        for _ in range(_ATTEMPTS):
            sample = self._synthesizer(number).draw_sample(rng, subject)
            if sample.mask.any():
                return sample
        raise ValueError(
            f'of {_ATTEMPTS} pictures none shows any of the body '
            f'{self.settings.body_of(number)}: lower scene.truncation, '
            'scene.occlusion or scene.extent')

    def write(self, index: int, folder: Path) -> dict:
        """Write the files of a sample.

        Args:
            index: Index of the sample.
            folder: Folder of the set.

        Returns:
            The sample's record, see the set's layout.
        """
        return self.layout.write(self.sample(index), index, folder)

    def _synthesizer(self, subject: int) -> Synthesizer:
        """Return what draws a subject."""
        return self.synthesizers[self.settings.body_of(subject)]
