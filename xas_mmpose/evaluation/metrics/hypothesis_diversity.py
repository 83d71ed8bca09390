"""How far the hypotheses of a person lie apart."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

from ..functional.hypotheses import hypothesis_diversity
from .sample_reading import read_hypotheses


@METRICS.register_module()
class HypothesisDiversity(BaseMetric):
    """Mean distance between two hypotheses of a person.

    The result is ``diversity`` in mm, hypotheses centred on their roots; see
    :func:`~xas_mmpose.evaluation.functional.hypothesis_diversity`. No truth
    is read.

    Args:
        root_index: Index of the root.
        collect_device: ``cpu`` or ``gpu``, where ranks put their results.
        prefix: Prefix of the result key.
    """

    def __init__(self,
                 root_index: int = 0,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.root_index = root_index

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Measure a batch.

        Args:
            data_batch: The batch; not read.
            data_samples: Data samples as dictionaries.

        Raises:
            ValueError: If a sample lacks predictions, or they are not
                finite.
        """
        for sample in data_samples:
            self.results.append(
                hypothesis_diversity(*read_hypotheses(sample),
                                     root_index=self.root_index))

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Average over people.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            ``diversity`` in mm.
        """
        return dict(diversity=float(np.concatenate(results).mean()))
