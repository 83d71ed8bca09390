"""A data sample with a prediction, for tests of what draws it."""
from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

K, M, D = 18, 3, 8
SIDE = 64


def sample(path: str, truth: bool, seed: int = 0) -> PoseDataSample:
    """Return a prediction for the right half of a picture of 128x64 px."""
    rng = np.random.default_rng(seed)
    pose = rng.uniform(-400, 400, (1, K, 3))
    pose -= pose[:, :1]
    found = PoseDataSample(
        metainfo=dict(img_path=path, img_id=seed, input_size=(SIDE, SIDE),
                      cube_size=2000.0,
                      crop_affine=np.array([[1., 0, -64], [0, 1, 0]])),
        pred_instances=InstanceData(
            keypoints=np.concatenate(
                [rng.uniform([70, 5], [120, 60], (1, K, 2)),
                 np.zeros((1, K, 1))], -1),
            keypoints_3d=pose, hypotheses_3d=np.repeat(pose[:, None], M, 1),
            hypothesis_scores=np.ones((1, M, K))),
        gt_fields=PixelData(
            masks=torch.full((1, SIDE, SIDE), 255, dtype=torch.uint8)))
    if truth:
        found.gt_instances = InstanceData(
            keypoints_3d=pose * 1.5 + 4000,
            keypoints_3d_visible=np.ones((1, K)))
    return found
