"""What all samples of a source say together."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

#: Files and suspicions that are printed of each source; all are in the JSON.
_PRINTED = 10
#: Least votes that make a suspicion about left and right.
_FEW = 3
#: A pair of bones whose lengths differ by more, in the median over all
#: samples, over their mean, is told.
_UNEVEN = 0.1


def summarise(records: Sequence[Mapping[str, Any]],
              facts: Mapping[str, Any]) -> dict[str, Any]:
    """Put the records of a source together.

    Args:
        records: Records of all its samples.
        facts: What the data set says of itself.

    Returns:
        ``samples``, ``annotations`` (people in the file, where MMPose's
        reader may leave some out), ``broken`` and ``suspicious`` (a list of
        samples with their words), ``warnings`` about the whole source, and
        ``measures``.
    """
    measures = _measures(records)
    asymmetry = _asymmetry(records, facts['pairs'])
    if asymmetry:
        measures['asymmetry'] = asymmetry
    warnings = _sides(records)
    warnings += [
        f'{pair} differ in length by {value:.0%} in the median'
        for pair, value in asymmetry.items() if value > _UNEVEN]
    left_out = (facts['annotations'] or 0) - len(records)
    if left_out > 0:
        warnings.append(f'{left_out} of {facts["annotations"]} annotations '
                        'are no samples: their box or key points are '
                        'missing, or they are filtered')
    return dict(
        samples=len(records), annotations=facts['annotations'],
        broken=_listed(records, 'broken'),
        suspicious=_listed(records, 'suspicious'),
        warnings=warnings, measures=measures)


def lines_of(name: str, kind: str, part: Mapping[str, Any]) -> list[str]:
    """Return what is printed of a source.

    Args:
        name: The source's name.
        kind: Its class.
        part: Its part of the report.
    """
    lines = [f'{name}: {kind}']
    if 'same_as' in part:
        return [f'{lines[0]}, the same as {part["same_as"]}']
    if 'error' in part:
        return [*lines, f'  BROKEN: {part["error"]}']
    lines[0] += (f', {part["samples"]} samples, {len(part["broken"])} '
                 f'broken, {len(part["suspicious"])} suspicious')
    for key, value in part['measures'].items():
        if key in _LABELS:
            lines.append(f'  {_LABELS[key].format(**value)}')
    lines += [f'  suspicious: {text}' for text in part['warnings']]
    for key in ('broken', 'suspicious'):
        shown = part[key][:_PRINTED]
        lines += [f'  {key.upper() if key == "broken" else key}: '
                  f'{entry["name"]}{_person(entry)}: '
                  f'{"; ".join(entry["problems"])}' for entry in shown]
        if len(part[key]) > len(shown):
            lines.append(f'  ... and {len(part[key]) - len(shown)} more '
                         f'{key} ones, all in the JSON')
    return lines


#: How a measure is printed.
_LABELS = dict(
    joints='joints: {joints} visible, {out_of_picture} out of the picture',
    off_mask='joints: {off} of {of} off the mask',
    mask='mask: {mean:.1%} of the picture on average, {min:.1%} to '
    '{max:.1%}',
    box_outside='boxes: {out} of {of} stick out of the picture',
    reprojection='re-projection: {mean:.4f} px on average, at most '
    '{max:.4f}',
    reprojection_with_lens="re-projection with the file's lens: {mean:.5f} "
    'px on average, at most {max:.5f}',
    truth_mm="truth through the set's own chain: at most {max:.4f} mm off",
    knees='left and right: {forward} knees bend forward, {backward} '
    'backward',
    face='left and right: {forward} faces with eyes on their sides, '
    '{backward} exchanged',
)


def _measures(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return figures over all samples."""
    by_key: dict[str, list] = defaultdict(list)
    for record in records:
        for key, value in record['measures'].items():
            by_key[key].append(value)
    out: dict[str, Any] = {}
    if by_key['joints']:
        masked = [record['measures']['joints']
                  - record['measures']['out_of_picture']
                  for record in records if 'off_mask' in record['measures']]
        out['joints'] = dict(joints=sum(by_key['joints']),
                             out_of_picture=sum(by_key['out_of_picture']))
        if masked:
            out['off_mask'] = dict(off=sum(by_key['off_mask']),
                                   of=sum(masked))
    for key in ('mask', 'truth_mm'):
        if by_key[key]:
            out[key] = dict(mean=float(np.mean(by_key[key])),
                            min=min(by_key[key]), max=max(by_key[key]))
    if by_key['box_outside']:
        shares = np.array(by_key['box_outside'])
        out['box_outside'] = dict(out=int((shares > 0).sum()),
                                  of=len(shares))
    for key in ('reprojection', 'reprojection_with_lens'):
        if by_key[key]:
            means, worst = np.array(by_key[key]).T
            out[key] = dict(mean=float(means.mean()), max=float(worst.max()))
    for key in ('knees', 'face'):
        forward, backward = np.sum(by_key[key] or [[0, 0]], 0).tolist()
        if forward or backward:
            out[key] = dict(forward=forward, backward=backward)
    return out


def _asymmetry(records: Sequence[Mapping[str, Any]],
               pairs: Sequence[str]) -> dict[str, float]:
    """Return the median difference of each pair of bones."""
    rows = [record['measures']['asymmetry'] for record in records
            if record['measures'].get('asymmetry')]
    if not rows:
        return {}
    columns = np.array(rows, np.float64).T  # None becomes NaN
    return {pair: float(np.nanmedian(column))
            for pair, column in zip(pairs, columns)
            if np.isfinite(column).any()}


def _sides(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return suspicions about left and right, of all and of each subject."""
    words = []
    for key, what in (('knees', 'knees bend backward'),
                      ('face', 'faces have their eyes exchanged')):
        votes: dict[Any, np.ndarray] = defaultdict(lambda: np.zeros(2, int))
        for record in records:
            vote = np.array(record['measures'].get(key, (0, 0)))
            votes['all'] += vote
            votes[record.get('subject')] += vote
        whole = votes.pop('all')
        for subject, (forward, backward) in (
                [(None, whole)] if _exchanged(whole) else votes.items()):
            if _exchanged((forward, backward)):
                words.append(
                    f'{"" if subject is None else f"subject {subject}: "}'
                    f'{backward} of {forward + backward} {what}: left and '
                    'right may be exchanged, or the camera mirrored')
    return words


def _exchanged(votes: Sequence[int]) -> bool:
    """Say whether the votes (for, against) speak against the labels."""
    return votes[1] >= _FEW and votes[1] > votes[0]


def _listed(records: Sequence[Mapping[str, Any]], key: str) -> list[dict]:
    """Return the samples about which there is something to tell."""
    return [dict(index=record['index'], name=record['name'],
                 id=record.get('id'), problems=record[key])
            for record in records if record[key]]


def _person(entry: Mapping[str, Any]) -> str:
    """Return the number of an annotation, if it has one."""
    return '' if entry['id'] is None else f' (id {entry["id"]})'
