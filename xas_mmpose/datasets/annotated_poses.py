"""The true poses of a data set."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmpose.registry import DATASETS


def annotated_poses(
        dataset_cfg: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return all poses of a data set; its pictures are not read.

    Args:
        dataset_cfg: Config of one of this package's data sets that carries
            labels.

    Returns:
        Poses (N, K, 3), camera frame, mm, and their visibility (N, K).
    """
    dataset = DATASETS.build(dict(dataset_cfg, pipeline=[]))
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return tuple(np.concatenate([info[key] for info in infos])
                 for key in ('keypoints_3d', 'keypoints_3d_visible'))
