"""From pictures to 3D poses in one call."""
from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.apis import init_model
from mmpose.structures import PoseDataSample
from torch import nn

from ..models import MultiHypothesisHead
from ..version import __version__
from .pictures import Picture, pictures_of
from .results import DepthProfiles, PersonPose, PicturePoses
from .subjects import Detector, Hints, Subject, camera_param_of
from .zoo import ROOT, find_model

#: Metainfo of MMPose's that tells where key points are and how to draw them.
_SKELETON = ('skeleton_links', 'keypoint_colors', 'flip_indices')


class Pose3DInferencer:
    """Find 3D poses in pictures, without knowing about data sets.

    Like MMPose's inferencers it is called with pictures and yields results
    one after another, so that a long video needs no more memory than a short
    one. It is in no registry: MMPose's class of this name lifts 2D poses.

    Args:
        config_or_name: Config file, MMEngine config, the name of a model
            whose weights are in the checkout
            (:func:`~xas_mmpose.apis.zoo.find_model`), or a model that
            MMPose's ``init_model`` has made.
        checkpoint: Its weights, a file or URL; not for names and models.
        device: Where it runs; CUDA where there is such a device, else the
            CPU.
        detector: Finds people where nobody says where they are:
            :class:`~xas_mmpose.apis.MMDetector`, or any function from a
            picture (H, W, 3), BGR uint8, to boxes (N, 4), x1, y1, x2, y2,
            and scores (N,).
        depth_profiles: Whether results hold how likely each depth is.
        cfg_options: Settings of the config to replace, by dotted name.

    Raises:
        FileNotFoundError: If there is no such config or checkpoint.
        ValueError: If the name is unknown, or there are no weights.

    Example:
        >>> inferencer = Pose3DInferencer('xas_mini')  # doctest: +SKIP
        >>> poses = next(inferencer('a.jpg'))  # doctest: +SKIP
        >>> poses.people[0].keypoints_3d.shape  # doctest: +SKIP
        (18, 3)
    """

    def __init__(self,
                 config_or_name: str | Path | Config | nn.Module,
                 checkpoint: str | Path | None = None,
                 device: str | None = None,
                 detector: Detector | None = None,
                 depth_profiles: bool = False,
                 cfg_options: Mapping[str, Any] | None = None) -> None:
        device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        if isinstance(config_or_name, nn.Module):
            self.model = config_or_name.to(device).eval()
        else:
            config, checkpoint = _files(config_or_name, checkpoint)
            self.model = init_model(config, checkpoint, device=device,
                                    cfg_options=cfg_options)
        self.checkpoint = checkpoint
        self.detector = detector
        self.depth_profiles = depth_profiles
        if not isinstance(self.model.head, MultiHypothesisHead):
            raise ValueError(
                'Pose3DInferencer needs a MultiHypothesisHead, the config '
                f'has a {type(self.model.head).__name__}; MMPose has '
                'inferencers for others')
        config = self.model.cfg
        init_default_scope(config.get('default_scope', 'mmpose'))
        steps = config.test_dataloader.dataset.pipeline
        self.pipeline = Compose(_steps(steps))
        self._wants_masks = any(
            step['type'] == 'RemoveBackground' for step in steps)
        self._warned: set[str] = set()

    @property
    def meta(self) -> dict[str, Any]:
        """What holds for all results: model, names of the key points, links.

        ``flip_indices`` names the mirror partner of each key point,
        ``keypoint_colors`` (K, 3) are RGB.
        """
        info = self.model.dataset_meta
        names = info['keypoint_id2name']
        config = getattr(self.model.cfg, 'filename', None)
        return dict(
            model=dict(
                config=config and Path(config).name,
                checkpoint=self.checkpoint and Path(self.checkpoint).name,
                xas_mmpose=__version__),
            keypoint_names=[names[i] for i in range(len(names))],
            root_index=self.model.head.root_index,
            **{key: np.asarray(info[key]).tolist() for key in _SKELETON})

    def __call__(self,
                 inputs: Any,
                 boxes: Any = None,
                 masks: Any = None,
                 cameras: Any = None,
                 person_size: float | None = None,
                 batch_size: int = 1,
                 keep_pictures: bool = False,
                 skip_broken: bool = False) -> Iterator[PicturePoses]:
        """Find the poses of pictures.

        ``boxes``, ``masks`` and ``cameras`` hold for all pictures in the
        forms below; or give a mapping by names or paths of pictures, or a
        list or iterator with one such entry, or None, for each picture.

        Args:
            inputs: A file, folder, pattern (``'*.jpg'``) or video; a picture
                (H, W, 3), BGR uint8; or a list or iterator of these.
            boxes: People (N, 4): x1, y1, x2, y2, px; or what
                :func:`~xas_mmpose.datasets.masks.read_people` reads.
                Without them the mask places the crop; without a mask the
                detector; without that the whole picture is one person.
            masks: Foreground (H, W) or, one for each person, (N, H, W),
                bool, 0..1 or 0..255; a file; a folder with masks of the
                pictures' names (``a/b.png`` for ``a/b.jpg``, or
                ``a/b_0.png`` and so on for several people); or a method of
                :mod:`xas_mmpose.datasets.masks`, which makes them.
            cameras: Intrinsics: K (3, 3), or a mapping with ``f`` and ``c``
                (2,), px, and maybe ``k`` (3,) and ``p`` (2,), the lens terms
                of :func:`~xas_mmpose.geometry.cameras.distort`.
            person_size: Length in mm that the longer side of everybody's
                box has where the person is, which sets the scale of the
                poses and the distance from the camera. None for what the
                model's crops take: 1600 mm with a ``cube_size`` of 2000 mm
                and a ``padding`` of 1.25.
            batch_size: Number of people that the network sees at once.
                Results wait for their batch.
            keep_pictures: Whether results hold picture and masks.
            skip_broken: Whether a picture that cannot be used yields a
                result with ``error``, instead of an exception.

        Yields:
            The poses of each picture, in the order of the pictures.

        Raises:
            FileNotFoundError: If a file or folder is missing.
            ValueError: If an input is none of the forms, or does not fit
                its picture.

        Warns:
            UserWarning: Once, if the model was trained without background
                and there is no mask; and once, if nothing says where a
                person is. At the end, if a mapping names none of the
                pictures.
        """
        if batch_size < 1:
            raise ValueError(f'batch_size starts at 1, got {batch_size}')
        if person_size is not None and person_size <= 0:
            raise ValueError(f'person_size is a length in mm, got '
                             f'{person_size}')
        hints = Hints(boxes, masks, cameras, self.detector)
        # Pictures that wait, each with the number of its people.
        waiting: deque[tuple[PicturePoses, int]] = deque()
        batch: list[_Job] = []
        failure = None
        for picture in pictures_of(inputs):
            entries = hints.take(picture)
            poses = PicturePoses(picture.name, picture.path, picture.frame)
            try:
                jobs = self._prepare(picture, poses, hints, person_size,
                                     *entries)
            except (OSError, ValueError, cv2.error) as error:
                if not skip_broken:
                    # Those that wait come first.
                    failure = error
                    break
                poses.error, jobs = str(error), []
            waiting.append((poses, len(jobs)))
            for job in jobs:
                batch.append(job)
                if len(batch) == batch_size:
                    self._predict(batch, keep_pictures)
                    batch = []
            # Nothing may hold pictures that have been handed over.
            del picture, entries, jobs
            if not keep_pictures:
                poses.image = None
            while waiting and len(waiting[0][0].people) == waiting[0][1]:
                yield waiting.popleft()[0]
        if batch:
            self._predict(batch, keep_pictures)
        for poses, _ in waiting:
            yield poses
        if failure is not None:
            raise failure
        hints.warn_unused()

    def _prepare(self, picture: Picture, poses: PicturePoses, hints: Hints,
                 person_size: float | None, boxes: Any, masks: Any,
                 camera: Any) -> list[_Job]:
        """Read a picture and cut its people out."""
        begin = time.perf_counter()
        image = picture.read()
        poses.timings['read'] = 1000 * (time.perf_counter() - begin)
        poses.size, poses.image = image.shape[1::-1], image
        camera = camera_param_of(camera)
        jobs = []
        for subject in hints.subjects(picture, image, boxes, masks):
            self._warn(subject)
            begin = time.perf_counter()
            info = dict(
                self.model.dataset_meta, img=image, img_path=picture.path,
                bbox=subject.box[None],
                bbox_score=np.array([subject.score], np.float32))
            if subject.mask is not None:
                info['img_mask'] = subject.mask
            if camera is not None:
                info['camera_param'] = camera
            packed = self.pipeline(info)
            if person_size is not None:
                sample = packed['data_samples']
                shown = max(sample.input_scale) / max(
                    subject.box[2:] - subject.box[:2])
                sample.set_metainfo(dict(cube_size=person_size * shown))
            jobs.append(_Job(packed, subject, camera,
                             1000 * (time.perf_counter() - begin), poses))
        return jobs

    @torch.no_grad()
    def _predict(self, batch: Sequence[_Job], keep_masks: bool) -> None:
        """Run the network, and hand the poses to their pictures."""
        begin = time.perf_counter()
        # Others may use the model, and the config, in their own way.
        self.model.test_cfg = dict(self.model.test_cfg or {},
                                   output_depth_profiles=self.depth_profiles)
        samples = self.model.test_step(
            pseudo_collate([job.packed for job in batch]))
        share = 1000 * (time.perf_counter() - begin) / len(batch)
        for job, sample in zip(batch, samples):
            person = self._person(job, sample)
            person.timings = dict(prepare=job.milliseconds, predict=share)
            if keep_masks:
                person.mask = job.subject.mask
            job.poses.people.append(person)

    def _person(self, job: _Job, sample: PoseDataSample) -> PersonPose:
        """Return the poses of one person."""
        found = sample.pred_instances
        cube_size = float(sample.metainfo.get(
            'cube_size', self.model.head.decoder.cube_size))
        profiles = None
        if self.depth_profiles:
            root = found.keypoints[0, self.model.head.root_index, 2]
            profiles = DepthProfiles(
                self.model.head.decoder.bin_depths() * cube_size - root,
                found.depth_profiles[0])
        return PersonPose(
            keypoints=found.keypoints[0, :, :2],
            keypoint_scores=found.keypoint_scores[0],
            keypoints_3d=found.keypoints_3d[0],
            hypotheses_3d=found.hypotheses_3d[0],
            hypothesis_scores=found.hypothesis_scores[0],
            box=job.subject.box,
            box_score=job.subject.score,
            box_source=job.subject.source,
            mask_used=job.subject.mask is not None and self._wants_masks,
            cube_size=cube_size,
            camera=job.camera,
            root_3d=found.roots_3d[0] if 'roots_3d' in found else None,
            ranking={**(found.get('pose_ranking') or {}),
                     **({'bone_weight': found.bone_weight}
                        if 'bone_weight' in found else {})},
            depth_profiles=profiles)

    def _warn(self, subject: Subject) -> None:
        """Say, once each, what it costs that something is not known."""
        costs = {}
        if subject.mask is None and self._wants_masks:
            costs['mask'] = (
                'there is no mask: the background stays in the picture, '
                'which the model has never seen in training, and its poses '
                'are much worse (mask_used=False). Give masks=, such as a '
                'folder that tools/make_masks.py has written, or a method '
                'of xas_mmpose.datasets.masks')
        if subject.source == 'picture':
            costs['box'] = (
                'nobody says where people are: the whole picture is taken '
                "for one person (box_source='picture'). Give boxes=, masks= "
                'or detector=')
        for name in costs.keys() - self._warned:
            self._warned.add(name)
            warnings.warn(costs[name], stacklevel=4)


class _Job(NamedTuple):
    """Somebody whose poses are not known yet.

    Attributes:
        packed: The crop and what belongs to it, as the pipeline packs it.
        subject: The person.
        camera: What took the picture, or None.
        milliseconds: What the crop took.
        poses: Where the poses go.
    """

    packed: dict[str, Any]
    subject: Subject
    camera: dict[str, np.ndarray] | None
    milliseconds: float
    poses: PicturePoses


def _files(
    config_or_name: str | Path | Config, checkpoint: str | Path | None
) -> tuple[str | Path | Config, str]:
    """Return config and checkpoint, which must be there."""
    config = config_or_name
    if not isinstance(config, Config) and Path(config).suffix != '.py':
        if checkpoint is None:
            config, checkpoint = find_model(str(config))
        else:
            config = ROOT / 'configs' / f'{config}.py'
    if checkpoint is None:
        raise ValueError(f'{config}: give checkpoint=, the weights; a config '
                         'alone has none')
    if not isinstance(config, Config) and not Path(config).is_file():
        raise FileNotFoundError(f'there is no config file {config}')
    if '://' not in str(checkpoint) and not Path(checkpoint).is_file():
        raise FileNotFoundError(f'there is no checkpoint file {checkpoint}')
    return config, str(checkpoint)


def _steps(pipeline: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a test pipeline that needs no mask and keeps to the box."""
    steps = []
    for step in pipeline:
        step = dict(step)
        if step['type'] in ('LoadMask', 'RemoveBackground'):
            step['required'] = False
        elif step['type'] == 'GetCubeBox':
            # 'mask' would prefer the mask to a box that was given. The box
            # around a mask gives the same crop, to the bit.
            step['rule'] = 'root'
        steps.append(step)
    return steps
