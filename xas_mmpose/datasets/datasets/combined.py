"""Several data sets of one set of key points as one."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmpose.datasets import CombinedDataset
from mmpose.registry import DATASETS

from xas_mmpose.skeletons import in_id_order


@DATASETS.register_module()
class XasCombinedDataset(CombinedDataset):
    """MMPose's ``CombinedDataset``, safe against two mix-ups of key points.

    MMPose's takes the key points in the order of the ``metainfo``
    dictionary, which MMEngine sorts as text whenever it writes a config out
    (:func:`~xas_mmpose.skeletons.in_id_order`), and hands its own flip
    indices to the samples of every data set, whatever their order.

    Args:
        metainfo: ``dataset_info`` of the key points.
        datasets: Configs of the data sets.
        pipeline: Steps that all samples go through.
        **kwargs: See MMPose's class.

    Raises:
        ValueError: If a data set has other key points than ``metainfo``.
    """

    def __init__(self,
                 metainfo: Mapping[str, Any],
                 datasets: Sequence[Mapping[str, Any]],
                 pipeline: Sequence[Any] = (),
                 **kwargs: Any) -> None:
        super().__init__(in_id_order(metainfo), list(datasets),
                         list(pipeline), **kwargs)
        names = self.metainfo['keypoint_id2name']
        for dataset in self.datasets:
            others = dataset.metainfo.get('keypoint_id2name')
            if others != names:
                raise ValueError(
                    f'{type(dataset).__name__} has other key points than '
                    f'the combined data set: {others} instead of {names}. '
                    'Give both the same metainfo')
