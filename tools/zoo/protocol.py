"""Under which rules a number was measured, as the metrics tell it."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from xas_mmpose.evaluation.functional.hypotheses import (
    HYPOTHESIS_RULES,
    SAME_RULE,
)
from xas_mmpose.evaluation.metrics.hypothesis_metric import RANKED

#: Behind a key of an evaluation: the protocol of the number under the key.
SUFFIX = '/protocol'
#: Older lines name neither their keys nor an order.
_LINE = re.compile(r'Protocol(?: of (?P<keys>[^:]+))?: (?P<text>.+)')
_TEXT = re.compile(
    r'(?P<frames>\d+) frames; crop rule (?P<crop>.+); '
    r'hypothesis rule (?P<rules>[^;]+); '
    r'(?:hypothesis order (?P<order>[^;]+); )?'
    r'left/right exchange (?P<left_right>\w+); '
    r'(?P<root>[^;]+); joints (?P<joints>[^;]+); unit (?P<unit>.+)$')
_RULES = '|'.join((*HYPOTHESIS_RULES, *SAME_RULE, RANKED))
#: FIGURE/RULE,options or FIGURE/RULE,options/MEAN.
_KEY = re.compile(rf'(?P<base>.+/(?P<rule>{_RULES})(?P<options>(?:,[^/]+)?))'
                  r'(?:/(?P<mean>[^/]+))?$')
#: The crop rule of all frames, without their number.
_ONE_CROP = re.compile(r"'(\w+)'( \([^)]*\))?: \d+")
#: Means that a table shows; those of single groups stay in the evaluation.
_MEANS = {None: 'frames', 'actions': 'all actions', 'h36m-15': 'h36m-15',
          'authors-6': 'authors-6'}
#: The mean over all groups of a kind.
_PER = 'per-'


class Protocol(NamedTuple):
    """Rules that a metric names.

    Attributes:
        frames: Number of frames.
        crop: What placed their crops; of several rules the number of frames
            of each.
        rules: Which hypotheses counted.
        order: What has put the hypotheses into their order, None where that
            is not said.
        left_right: How left and right were exchanged to suit the truth.
        root: Where poses were compared.
        joints: Which joints counted.
        unit: Of the numbers.
    """

    frames: int
    crop: str
    rules: tuple[str, ...]
    order: str | None
    left_right: str
    root: str
    joints: str
    unit: str

    @property
    def options(self) -> str:
        """What follows the rule in the keys of this metric."""
        options = []
        if self.left_right != 'none':
            options.append(f',left-right={self.left_right}')
        if self.root.startswith('absolute'):
            options.append(',root=absolute')
        if self.joints != 'all':
            options.append(f',joints={self.joints.replace(", ", "+")}')
        return ''.join(options)


class Number(NamedTuple):
    """A number with all that it takes to read it.

    Attributes:
        key: Its key in the evaluation.
        value: How much.
        rule: Which hypothesis counted.
        mean: Over what it is a mean.
        protocol: The other rules.
    """

    key: str
    value: float
    rule: str
    mean: str
    protocol: Protocol


def parse_protocol(text: str) -> Protocol | None:
    """Return the rules that a metric's line names.

    Args:
        text: The line, without what the logger puts in front.

    Returns:
        The rules, or None if some are not said.
    """
    found = _TEXT.search(text.strip())
    if found is None:
        return None
    one = _ONE_CROP.fullmatch(found['crop'])
    crop = one[1] + (one[2] or '') if one else found['crop']
    return Protocol(int(found['frames']), crop,
                    tuple(found['rules'].split(', ')), found['order'],
                    found['left_right'], found['root'], found['joints'],
                    found['unit'])


def read_numbers(metrics: Mapping[str, object], log: Iterable[str]
                 ) -> tuple[list[Number], dict[str, str]]:
    """Find the protocol of each number of an evaluation.

    It stands beside the number where the metric has
    ``report_protocol=True``, else in the log of the evaluation.

    Args:
        metrics: The evaluation: figures by key.
        log: Lines of its log.

    Returns:
        The numbers, and why the others are left out, by key.
    """
    told, untold = _logged(log)
    told.update((key.removesuffix(SUFFIX), {parse_protocol(str(text))})
                for key, text in metrics.items() if key.endswith(SUFFIX))
    numbers, left_out = [], {}
    for key, value in metrics.items():
        if key.endswith(SUFFIX) or key in ('data_time', 'time'):
            continue
        base, mean = _split(key, told)
        protocols = told.get(base) or _fitting(base, untold)
        shown = _mean_name(mean)
        if protocols is None:
            left_out[key] = 'its key names no hypothesis rule'
        elif value is None:
            left_out[key] = 'it is not defined here'
        elif shown is None:
            left_out[key] = 'a table shows no single groups'
        elif len(protocols) != 1 or None in protocols:
            left_out[key] = 'no protocol of it was written down'
        else:
            protocol, = protocols
            numbers.append(Number(key, float(value), _rule(base, protocol),
                                  shown, protocol))
    return numbers, left_out


def _logged(log: Iterable[str]
            ) -> tuple[dict[str, set[Protocol | None]], set[Protocol]]:
    """Return the protocols of a log: by key, and those that name none."""
    told: dict[str, set[Protocol | None]] = {}
    untold = set()
    for found in filter(None, map(_LINE.search, log)):
        protocol = parse_protocol(found['text'])
        if found['keys']:
            for key in found['keys'].split():
                told.setdefault(key, set()).add(protocol)
        elif protocol:
            untold.add(protocol)
    return told, untold


def _split(key: str, told: Mapping[str, object]
           ) -> tuple[str, str | None]:
    """Return the key that a protocol is told of, and the mean's name."""
    base, _, mean = key.rpartition('/')
    if key in told or not base:
        return key, None
    if base in told:
        return base, mean
    found = _KEY.match(key)
    return (found['base'], found['mean']) if found else (key, None)


def _fitting(base: str,
             untold: Iterable[Protocol]) -> set[Protocol] | None:
    """Return the protocols that name no key and could be a number's.

    Returns:
        None where the key does not tell its rule.
    """
    key = _KEY.match(base)
    if key is None:
        return None
    fitting = [protocol for protocol in untold
               if key['rule'] in protocol.rules
               and key['options'] == protocol.options]
    # Metrics of lengths and of shares have a line each; which of the two a
    # number comes from does not matter where only rules and units differ.
    alike = {protocol._replace(rules=(), unit='') for protocol in fitting}
    return set(fitting[:1]) if len(alike) == 1 else set(fitting)


def _rule(base: str, protocol: Protocol) -> str:
    """Return the hypothesis rule of a number."""
    key = _KEY.match(base)
    return key['rule'] if key else ', '.join(protocol.rules)


def _mean_name(mean: str | None) -> str | None:
    """Return what a table calls a mean, None for that of a single group."""
    if mean and mean.startswith(_PER):
        return f'each {mean.removeprefix(_PER)}'
    return _MEANS.get(mean)
