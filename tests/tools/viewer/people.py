"""Somebody of several poses, as tools/infer.py would find them."""
from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path

import numpy as np

from xas_mmpose.apis import PersonPose, PicturePoses, results_dict
from xas_mmpose.apis.results import DepthProfiles

NAMES = ['root', 'left_hand', 'right_hand', 'head', 'foot']
#: The root stands in the middle of the pose's extent, and of the drawing.
POSE = np.array([[0, 0, 0], [300, -100, 200], [-300, -100, -200],
                 [0, -400, 0], [0, 400, 0]], float)
META = dict(
    model=dict(config='c.py', checkpoint='c.pth', xas_mmpose='0.1.0'),
    keypoint_names=NAMES, root_index=0,
    skeleton_links=[[0, 1], [0, 2], [0, 3], [0, 4]],
    keypoint_colors=[[38, 255, 60], [38, 151, 255], [255, 142, 38],
                     [38, 255, 60], [38, 255, 60]],
    flip_indices=[0, 2, 1, 3, 4], complete=True, failed=[])


def person(left: float = 20) -> PersonPose:
    """Return somebody of three poses, the last of which is not there."""
    poses = np.stack([POSE, POSE, POSE])
    poses[1, 1, 2] = -200
    scores = np.repeat([[0.75], [0.25], [0.0]], 5, 1)
    return PersonPose(
        keypoints=POSE[:, :2] / 20 + [left + 20, 40],
        keypoint_scores=scores[0], keypoints_3d=poses[0],
        hypotheses_3d=poses, hypothesis_scores=scores,
        box=np.array([left, 15, left + 40, 65]), box_score=1.0,
        box_source='mask', mask_used=True, cube_size=2000.0,
        depth_profiles=DepthProfiles(
            np.array([-400.0, -200, 0, 200, 400]),
            np.tile([0.05, 0.2, 0.1, 0.6, 0.05], (5, 1))))


def mean_of_poses(left: float = 50) -> PersonPose:
    """Return somebody whose first pose is the mean of the other two."""
    one = person(left)
    one.hypotheses_3d[:, 1, 2] = [0, 200, -200]
    one.hypothesis_scores[:] = np.repeat([[1.0], [0.4], [0.2]], 5, 1)
    one.keypoints_3d = one.hypotheses_3d[0]
    one.ranking = dict(first='mean')
    one.depth_profiles = None
    return one


def write(path: Path, poses: list[PicturePoses]) -> None:
    path.write_text(json.dumps(results_dict(poses, META)))


def unpacked(page: str, part: str) -> str:
    packed, = re.findall(f'id="packed-{part}">([^<]+)<', page)
    return gzip.decompress(base64.b64decode(packed)).decode()
