"""What a studio set on disk holds, in numbers."""
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from xas_mmpose.body_models import load_body
from xas_mmpose.geometry.alignment import align_procrustes
from xas_mmpose.render.casting import make_pose_prior
from xas_mmpose.render.mask_degradation import degrade_mask
from xas_mmpose.render.resumable import SETTINGS

from .generator import StudioSettings
from .recording import XasMiniSettings
from .studio_set import ANNOTATIONS, CHECKSUM
from .zoo import XasZooMiniSettings

#: How many poses of the prior, and at most of the set, are compared.
_PRIOR_POSES, _SET_POSES = 1000, 200

#: The sets by name.
_SETS = {kind.NAME: kind for kind in (XasMiniSettings, XasZooMiniSettings)}


def describe_studio_set(folder: str | Path) -> dict:
    """Measure a finished set.

    Args:
        folder: The set.

    Returns:
        By split: numbers of pictures, share of key points inside the mask,
        what the subjects measure, and how far the poses are from those that
        labelled pairs show (P-MPJPE, mm), beside how far the latter are from
        each other; and how far from their mean pose. For exact masks, the
        IoU that a segmenter's would have.

    Raises:
        FileNotFoundError: If there is no finished set in the folder.
    """
    folder = Path(folder)
    if not (folder / CHECKSUM).is_file():
        raise FileNotFoundError(
            f'{folder} holds no finished studio set (no {CHECKSUM}): '
            'tools/make_xas_mini.py and tools/make_xas_zoo_mini.py make some')
    settings = json.loads((folder / SETTINGS).read_text(encoding='utf-8'))
    kind = _SETS[settings['name']]
    prior, others = (prior_poses(kind, num, seed)
                     for num, seed in ((_PRIOR_POSES, 0), (_SET_POSES, 1)))
    out = dict(checksum=(folder / CHECKSUM).read_text().strip(),
               version=settings['version'],
               prior_to_itself=_distances(others, prior))
    for split in ('train', 'test'):
        path = folder / ANNOTATIONS.format(split)
        if path.is_file():
            with np.load(path) as arrays:
                out[split] = _describe_split(
                    folder, dict(arrays), prior, kind,
                    settings['mask_quality'] == 'exact')
    return out


def prior_poses(kind: type[StudioSettings], num: int,
                seed: int) -> np.ndarray:
    """Return poses that labelled pairs for a set may show.

    Args:
        kind: The set.
        num: How many.
        seed: Seed of what is drawn.

    Returns:
        Key points (num, K, 3), mm, of the set's pair bodies at their mean
        shape, which take turns.
    """
    generator = torch.Generator().manual_seed(seed)
    poses: list[np.ndarray] = []
    for number, name in enumerate(kind.PAIR_BODIES):
        body = load_body(name)
        count = len(range(number, num, len(kind.PAIR_BODIES)))
        pose = make_pose_prior(body, reject_crossing=False).sample(
            count, generator)
        with torch.no_grad():
            out = body(torch.zeros(count, body.num_betas), pose[:, :3],
                       pose[:, 3:])
        poses.append(out.keypoints[:, :kind.NUM_KEYPOINTS].double().numpy())
    return np.concatenate(poses) * 1000


def _describe_split(folder: Path, arrays: dict[str, np.ndarray],
                    prior: np.ndarray, kind: type[StudioSettings],
                    exact: bool) -> dict:
    """Measure the pictures of one annotation file."""
    names = arrays['imgname'].tolist()
    part, points = arrays['part'][..., :2], arrays['S'][..., :3] * 1000
    inside, sides, margins, overlaps = [], [], [], []
    for number, (name, keypoints) in enumerate(zip(names, part)):
        path = folder / 'masks' / Path(name).with_suffix('.png')
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        x, y = np.rint(keypoints).astype(int).T.clip(
            0, np.array(mask.shape[::-1])[:, None] - 1)
        inside.append(mask[y, x] > 0)
        left, top, width, height = cv2.boundingRect(mask)
        sides.append((width, height))
        margins.append(min(left, top, mask.shape[1] - left - width,
                           mask.shape[0] - top - height))
        if exact:
            rng = np.random.default_rng(number)
            rough = degrade_mask(mask, rng, keypoints[kind.ends()])
            overlaps.append(((mask & rough) > 0).sum()
                            / ((mask | rough) > 0).sum())
    skeleton = kind.SKELETON
    chosen = np.linspace(0, len(points) - 1,
                         min(len(points), _SET_POSES)).astype(int)
    widths, heights = zip(*sides)
    out = dict(
        pictures=len(names),
        sequences=len({Path(name).parent.name for name in names}),
        keypoints_inside_mask=round(float(np.mean(inside)), 4),
        keypoints_inside_mask_lowest={
            skeleton.keypoint_names[i]: round(float(share), 4)
            for i, share in sorted(enumerate(np.mean(inside, 0)),
                                   key=lambda pair: pair[1])[:3]},
        width_px=_range(widths),
        height_px=_range(heights),
        touching_the_border=round(float(np.mean(np.array(margins) < 1)), 4),
        root_depth_mm=_range(points[:, skeleton.root_index, 2]),
        p_mpjpe_to_prior_mm=_distances(points[chosen], prior),
        p_mpjpe_of_mean_mm=_distances(points, mean_pose(prior)[None])['mean'])
    if overlaps:
        out['segmenter_iou'] = _range(overlaps)
    return out


def mean_pose(poses: np.ndarray) -> np.ndarray:
    """Return the mean (K, 3) of poses (N, K, 3), turned to suit each other."""
    mean = poses[0]
    for _ in range(3):
        mean = align_procrustes(
            poses, np.repeat(mean[None], len(poses), 0)).mean(0)
    return mean


def _distances(poses: np.ndarray, prior: np.ndarray) -> dict[str, float]:
    """Return mean P-MPJPE, mm, of poses to the nearest and to all of others.

    Args:
        poses: Poses (N, K, 3), mm.
        prior: Other poses (M, K, 3), mm.
    """
    errors = np.array([
        np.linalg.norm(align_procrustes(prior, pose) - pose,
                       axis=-1).mean(-1) for pose in poses])
    return dict(nearest=round(float(errors.min(1).mean()), 1),
                mean=round(float(errors.mean()), 1))


def _range(values: Sequence[float]) -> dict[str, float]:
    """Return percentiles 5, 50 and 95 of values (N,)."""
    return {f'p{q}': round(float(np.percentile(values, q)), 3)
            for q in (5, 50, 95)}
