"""Under which rules a number was measured, as the metrics tell it."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from xas_mmpose.evaluation.functional.hypotheses import (
    HYPOTHESIS_RULES,
    SAME_RULE,
)

#: Behind a key of an evaluation: the protocol of the number under the key.
SUFFIX = '/protocol'
_TEXT = re.compile(
    r'(?P<frames>\d+) frames; crop rule (?P<crop>.+); '
    r'hypothesis rule (?P<rules>[^;]+); '
    r'left/right exchange (?P<left_right>\w+); '
    r'(?P<root>(?:centred|absolute)[^;]*); '
    r'joints (?P<joints>[^;]+); unit (?P<unit>\S+)$')
_RULES = '|'.join((*HYPOTHESIS_RULES, *SAME_RULE))
#: FIGURE/RULE,options or FIGURE/RULE,options/MEAN.
_KEY = re.compile(rf'(?P<base>.+/(?P<rule>{_RULES})(?P<options>(?:,[^/]+)?))'
                  r'(?:/(?P<mean>[^/]+))?$')
#: The crop rule of all frames, without their number.
_ONE_CROP = re.compile(r"'(\w+)'( \([^)]*\))?: \d+")
#: Means that a table shows; those of single actions stay in the evaluation.
_MEANS = {None: 'frames', 'actions': 'all actions', 'h36m-15': 'h36m-15',
          'authors-6': 'authors-6'}


class Protocol(NamedTuple):
    """Rules that a metric names.

    Attributes:
        frames: Number of frames.
        crop: What placed their crops; of several rules the number of frames
            of each.
        rules: Which hypotheses counted.
        left_right: How left and right were exchanged to suit the truth.
        root: Where poses were compared.
        joints: Which joints counted.
        unit: Of the numbers.
    """

    frames: int
    crop: str
    rules: tuple[str, ...]
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
                    tuple(found['rules'].split(', ')), found['left_right'],
                    found['root'], found['joints'], found['unit'])


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
    logged = [protocol for line in log if 'Protocol: ' in line
              for protocol in [parse_protocol(line.partition('Protocol: ')[2])]
              if protocol]
    numbers, left_out = [], {}
    for key, value in metrics.items():
        if key.endswith(SUFFIX) or key in ('data_time', 'time'):
            continue
        found = _KEY.match(key)
        mean = found['mean'] if found else None
        if found is None:
            left_out[key] = 'its key names no hypothesis rule'
        elif value is None:
            left_out[key] = 'it is not defined here'
        elif mean not in _MEANS:
            left_out[key] = 'a table shows no single actions'
        else:
            protocol = _protocol_of(found, metrics, logged)
            if protocol is None:
                left_out[key] = 'no protocol of it was written down'
            else:
                numbers.append(Number(key, float(value), found['rule'],
                                      _MEANS[mean], protocol))
    return numbers, left_out


def _protocol_of(key: re.Match, metrics: Mapping[str, object],
                 logged: Iterable[Protocol]) -> Protocol | None:
    """Return the protocol of a number, None where it is not told."""
    beside = metrics.get(key['base'] + SUFFIX)
    if beside is not None:
        return parse_protocol(str(beside))
    fitting = [protocol for protocol in logged
               if key['rule'] in protocol.rules
               and key['options'] == protocol.options]
    # Metrics of lengths and of shares have a line each; which of the two a
    # number comes from does not matter where only the units differ.
    if len({protocol[:2] + protocol[3:6] for protocol in fitting}) != 1:
        return None
    return fitting[0]
