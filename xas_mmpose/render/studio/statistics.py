"""What an XaS-Mini on disk holds, in numbers."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch

from xas_mmpose.body_models import free_human, sample_pose
from xas_mmpose.geometry.alignment import align_procrustes
from xas_mmpose.render.mask_degradation import degrade_mask
from xas_mmpose.render.resumable import SETTINGS
from xas_mmpose.skeletons import HUMAN36M_18

from .recording import XasMiniSettings
from .studio_set import ANNOTATIONS, CHECKSUM

#: How many poses of the prior, and at most of the set, are compared.
_PRIOR_POSES, _SET_POSES = 1000, 200


def describe_xas_mini(folder: str | Path) -> dict:
    """Measure a finished set.

    Args:
        folder: The set.

    Returns:
        By split: numbers of pictures, share of key points inside the mask,
        what people measure, and how far the poses are from the rule prior
        (P-MPJPE, mm), beside how far the prior's own poses are from each
        other. For exact masks, the IoU that a segmenter's would have.

    Raises:
        FileNotFoundError: If there is no finished set in the folder.
    """
    folder = Path(folder)
    if not (folder / CHECKSUM).is_file():
        raise FileNotFoundError(
            f'{folder} holds no finished XaS-Mini (no {CHECKSUM}); '
            f'tools/make_xas_mini.py --out {folder} makes it')
    settings = json.loads((folder / SETTINGS).read_text(encoding='utf-8'))
    prior, others = prior_poses(_PRIOR_POSES, 0), prior_poses(_SET_POSES, 1)
    out = dict(checksum=(folder / CHECKSUM).read_text().strip(),
               version=settings['version'],
               prior_to_itself=_distances(others, prior))
    for split in ('train', 'test'):
        path = folder / ANNOTATIONS.format(split)
        if path.is_file():
            with np.load(path) as arrays:
                out[split] = _describe_split(
                    folder, dict(arrays), prior,
                    settings['mask_quality'] == 'exact')
    return out


def prior_poses(num: int, seed: int) -> np.ndarray:
    """Return key points (num, 17, 3) in mm of poses of the rule prior."""
    body = free_human()
    pose = sample_pose(num, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        out = body(torch.zeros(num, body.num_betas), pose[:, :3], pose[:, 3:])
    return out.keypoints[:, :XasMiniSettings.NUM_KEYPOINTS].double().numpy() * 1000


def _describe_split(folder: Path, arrays: dict[str, np.ndarray],
                    prior: np.ndarray, exact: bool) -> dict:
    """Measure the pictures of one annotation file."""
    names = arrays['imgname'].tolist()
    part, points = arrays['part'][..., :2], arrays['S'][..., :3] * 1000
    inside, heights, overlaps = [], [], []
    for number, (name, keypoints) in enumerate(zip(names, part)):
        path = folder / 'masks' / Path(name).with_suffix('.png')
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        x, y = np.rint(keypoints).astype(int).T.clip(
            0, np.array(mask.shape[::-1])[:, None] - 1)
        inside.append(mask[y, x] > 0)
        heights.append(cv2.boundingRect(mask)[3])
        if exact:
            rng = np.random.default_rng(number)
            rough = degrade_mask(mask, rng, keypoints[XasMiniSettings.ends()])
            overlaps.append(((mask & rough) > 0).sum()
                            / ((mask | rough) > 0).sum())
    root = points[:, HUMAN36M_18.root_index, 2]
    chosen = np.linspace(0, len(points) - 1,
                         min(len(points), _SET_POSES)).astype(int)
    out = dict(
        pictures=len(names),
        sequences=len({Path(name).parent.name for name in names}),
        keypoints_inside_mask=round(float(np.mean(inside)), 4),
        keypoints_inside_mask_lowest={
            HUMAN36M_18.keypoint_names[i]: round(float(share), 4)
            for i, share in sorted(enumerate(np.mean(inside, 0)),
                                   key=lambda pair: pair[1])[:3]},
        person_height_px=_range(np.array(heights)),
        root_depth_mm=_range(root),
        p_mpjpe_to_prior_mm=_distances(points[chosen], prior))
    if overlaps:
        out['segmenter_iou'] = _range(np.array(overlaps))
    return out


def _distances(poses: np.ndarray, prior: np.ndarray) -> dict[str, float]:
    """Return mean P-MPJPE, mm, of poses to the nearest and to all of others.

    Args:
        poses: Poses (N, 17, 3), mm.
        prior: Other poses (M, 17, 3), mm.
    """
    errors = np.array([
        np.linalg.norm(align_procrustes(prior, pose) - pose,
                       axis=-1).mean(-1) for pose in poses])
    return dict(nearest=round(float(errors.min(1).mean()), 1),
                mean=round(float(errors.mean()), 1))


def _range(values: np.ndarray) -> dict[str, float]:
    """Return percentiles 5, 50 and 95 of values (N,)."""
    return {f'p{q}': round(float(np.percentile(values, q)), 3)
            for q in (5, 50, 95)}
