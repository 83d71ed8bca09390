"""How numbers came about, in one line for people and for tools/report.py."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.logging import MMLogger

#: What a crop rule takes from the annotation.
_CROP_RULES = {
    'root': "'root' (annotated root depth)",
    'mask': "'mask' (no annotation)",
    'bbox': "'bbox' (the sample's box)",
}


@dataclass(frozen=True)
class Protocol:
    """All rules behind a number.

    Args:
        crops: Number of frames by the rule that placed their crops.
        rules: Which hypotheses counted.
        order: What put the hypotheses into their order.
        left_right: How left and right were exchanged to suit the truth.
        root: Where poses were compared.
        joints: Which joints counted.
        unit: Of the number.
    """

    crops: Mapping[str, int]
    rules: Sequence[str]
    order: str
    root: str
    left_right: str = 'none'
    joints: str = 'all'
    unit: str = 'mm'

    def __str__(self) -> str:
        crops = ', '.join(f'{_CROP_RULES.get(rule, repr(rule))}: {count}'
                          for rule, count in sorted(self.crops.items()))
        return (f'{sum(self.crops.values())} frames; crop rule {crops}; '
                f'hypothesis rule {", ".join(self.rules)}; '
                f'hypothesis order {self.order}; '
                f'left/right exchange {self.left_right}; {self.root}; '
                f'joints {self.joints}; unit {self.unit}')

    def log(self, keys: Iterable[str], prefix: str | None = None) -> None:
        """Write down the rules of some numbers.

        Args:
            keys: Keys of the numbers, without the prefix.
            prefix: The prefix that MMEngine gives them.
        """
        front = f'{prefix}/' if prefix else ''
        MMLogger.get_current_instance().info(
            f'Protocol of {" ".join(front + key for key in keys)}: {self}')


def provenance(sample: Mapping[str, Any]) -> dict[str, str]:
    """Return what a protocol takes from a data sample.

    Args:
        sample: Data sample as a dictionary, with ``crop_rule`` and, where
            the head ranks poses, ``pred_instances.pose_ranking``; where
            bone lengths count, ``pred_instances.bone_weight``.

    Returns:
        ``crop_rule`` and the ``order`` of the hypotheses, in words.
    """
    instances = sample.get('pred_instances', {})
    ranking = instances.get('pose_ranking')
    order = 'as predicted'
    if ranking:
        grounds = [name for name in ('mass', 'prior')
                   if ranking[f'{name}_weight'] > 0]
        order = f'whole poses by {" and ".join(grounds) or "nothing"}'
        if ranking['first'] == 'mean':
            order += ', their mean first'
    if instances.get('bone_weight', 0) > 0:
        order += ', depths weighed by bone lengths'
    return dict(crop_rule=sample.get('crop_rule') or 'unknown', order=order)


def crops_of(results: Iterable[Mapping[str, Any]]) -> Counter:
    """Count the crop rules of frames, and warn where there are several.

    Args:
        results: What a metric kept of samples, with :func:`provenance`.
    """
    crops = Counter(result['crop_rule'] for result in results)
    if len(crops) > 1:
        MMLogger.get_current_instance().warning(
            'These frames were cropped by different rules, so the means '
            'mix predictions with and without an annotated root depth; '
            'evaluate one rule at a time')
    return crops


def order_of(results: Iterable[Mapping[str, Any]]) -> str:
    """Return the order of the hypotheses of frames, all of them if several.

    Args:
        results: What a metric kept of samples, with :func:`provenance`.
    """
    return ' or '.join(sorted({result['order'] for result in results}))
