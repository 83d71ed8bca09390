"""How far the hypotheses of a person lie apart."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

from ..functional.hypotheses import hypothesis_diversity
from .protocol import Protocol, crops_of, order_of, provenance
from .sample_reading import chosen_root, joined, read_hypotheses


@METRICS.register_module()
class HypothesisDiversity(BaseMetric):
    """Mean distance between two hypotheses of a person.

    The result is ``diversity`` in mm, hypotheses centred on their roots; see
    :func:`~xas_mmpose.evaluation.functional.hypothesis_diversity`. No truth
    is read. A line in the log names all rules.

    Args:
        root_index: Index of the root; None for that of the data set's
            metainfo, or 0 if that names none.
        report_protocol: Also return the rules as text, under
            ``diversity/protocol``.
        unit: Unit of the predictions, where it is not mm.
        collect_device: ``cpu`` or ``gpu``, where ranks put their results.
        prefix: Prefix of the result key.
    """

    def __init__(self,
                 root_index: int | None = None,
                 report_protocol: bool = False,
                 unit: str = 'mm',
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.root_index = root_index
        self.report_protocol = report_protocol
        self.unit = unit

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Measure a batch.

        Args:
            data_batch: The batch; not read.
            data_samples: Data samples as dictionaries.

        Raises:
            ValueError: If a sample lacks predictions, or they are not
                finite.
        """
        root = chosen_root(self.root_index, self.dataset_meta)
        for sample in data_samples:
            self.results.append(
                dict(apart=hypothesis_diversity(*read_hypotheses(sample),
                                                root_index=root),
                     **provenance(sample)))

    def compute_metrics(self, results: list[dict]) -> dict[str, float | str]:
        """Average over people.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            ``diversity`` in mm.
        """
        apart = joined(results, ['apart'])['apart']
        root = chosen_root(self.root_index, self.dataset_meta)
        protocol = Protocol(crops_of(results), ['all'], order_of(results),
                            f'centred on joint {root}', unit=self.unit)
        protocol.log(['diversity'], self.prefix)
        summary: dict[str, float | str] = dict(diversity=float(apart.mean()))
        if self.report_protocol:
            summary['diversity/protocol'] = str(protocol)
        return summary
