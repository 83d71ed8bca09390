"""The annotated poses of a data set."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.config import Config
from mmpose.registry import DATASETS


def annotated_poses(
        dataset_cfg: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return all poses of a data set, without its pictures.

    Args:
        dataset_cfg: Its config.

    Returns:
        Poses (N, K, 3), camera frame, mm, and visibility (N, K).
    """
    dataset = DATASETS.build(dict(dataset_cfg, pipeline=[]))
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return tuple(np.concatenate([info[key] for info in infos])
                 for key in ('keypoints_3d', 'keypoints_3d_visible'))


def synthetic_of(cfg: Config) -> dict:
    """Return the data set config of the labelled pairs."""
    return next(d for d in cfg.train_dataloader.dataset.datasets
                if d.type == 'SyntheticPairDataset')
