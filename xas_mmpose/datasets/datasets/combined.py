"""Several data sets of one set of key points as one."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmpose.datasets import CombinedDataset
from mmpose.registry import DATASETS

from xas_mmpose.skeletons import in_id_order

from ..samplers import Draw
from ..transforms.randomness import global_generators


@DATASETS.register_module()
class XasCombinedDataset(CombinedDataset):
    """MMPose's ``CombinedDataset``, whose samples can be drawn again.

    What the pipelines draw at random for a sample, be it from numpy's,
    Python's or torch's global generator, is a function of the
    :class:`~xas_mmpose.datasets.samplers.Draw` that it is asked for by:
    with any number of workers, and in a training that is resumed, the
    sample is the same. The generators are left as they were. Asked for by a
    plain index, pipelines draw from them as they stand, as in MMPose.

    Two mix-ups of key points are ruled out, too. MMPose's takes the key
    points in the order of the ``metainfo`` dictionary, which MMEngine sorts
    as text whenever it writes a config out
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

    def __getitem__(self, idx: int) -> Any:
        """Return a sample that has been through all pipelines."""
        if not isinstance(idx, Draw):
            return super().__getitem__(idx)
        with global_generators(*idx.key):
            return super().__getitem__(idx)

    def _get_subset_index(self, index: int) -> tuple[int, int]:
        """Return the number of the data set and the index within it."""
        subset, local = super()._get_subset_index(index)
        return subset, (index.moved(local) if isinstance(index, Draw)
                        else local)
