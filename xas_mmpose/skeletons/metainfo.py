"""What this package reads from an MMPose ``dataset_info`` dictionary."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def in_id_order(metainfo: Mapping[str, Any]) -> dict[str, Any]:
    """Return a metainfo whose key points and links stand in their order.

    MMPose's parser takes key points in the order of the dictionary. MMEngine
    sorts the keys of a config as *text* when it writes the config out (0, 1,
    10, 11, .., 2), as it does into every work dir. A training from such a
    file would mirror the wrong key points.

    Args:
        metainfo: A ``dataset_info`` dictionary, or one with ``from_file``.

    Returns:
        The same, with ``keypoint_info`` and ``skeleton_info`` sorted by
        their numbers.
    """
    ordered = dict(metainfo)
    for table in ('keypoint_info', 'skeleton_info'):
        if table in ordered:
            ordered[table] = {
                int(i): ordered[table][i]
                for i in sorted(ordered[table], key=int)
            }
    return ordered


def skeleton_links_of(
        metainfo: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return the links of ``skeleton_info`` by key point index.

    Args:
        metainfo: A ``dataset_info`` dictionary.

    Returns:
        Pairs of key point indices; none where there is no ``skeleton_info``.

    Raises:
        ValueError: If a link names an unknown key point.
    """
    ids = {info['name']: int(i)
           for i, info in metainfo.get('keypoint_info', {}).items()}
    try:
        return [(ids[a], ids[b]) for a, b in
                (info['link']
                 for info in metainfo.get('skeleton_info', {}).values())]
    except KeyError as error:
        name = metainfo.get('dataset_name', 'the metainfo')
        raise ValueError(f'{name}: skeleton_info links the unknown key '
                         f'point {error}') from None


def mask_links_of(
        metainfo: Mapping[str, Any]
) -> tuple[list[tuple[int, int]], list[float]]:
    """Return the links that a skeleton mask draws, and their widths.

    Args:
        metainfo: A ``dataset_info`` dictionary as MMPose's configs hold it.
            ``mask_links`` (pairs of key point indices) and
            ``mask_link_widths`` (a factor per link) are optional: without
            them the links of ``skeleton_info`` are drawn, all at full width.

    Returns:
        Pairs of key point indices, and one width factor per pair.

    Raises:
        ValueError: If the dictionary has no links, a link names an unknown
            key point, or the widths do not fit the links.
    """
    num_keypoints = len(metainfo.get('keypoint_info', {}))
    name = metainfo.get('dataset_name', 'the metainfo')
    links = metainfo.get('mask_links')
    if links is None:
        links = skeleton_links_of(metainfo)
    links = [(int(a), int(b)) for a, b in links]
    if not links:
        raise ValueError(f'{name} has neither mask_links nor skeleton_info: '
                         'a skeleton mask needs links to draw')
    bad = [link for link in links
           if not all(0 <= end < num_keypoints for end in link)]
    if bad:
        raise ValueError(f'{name}: mask_links {bad} lie outside its '
                         f'{num_keypoints} key points')
    widths = metainfo.get('mask_link_widths')
    widths = [1.0] * len(links) if widths is None else [
        float(w) for w in widths]
    if len(widths) != len(links) or min(widths) <= 0:
        raise ValueError(f'{name}: mask_link_widths needs {len(links)} '
                         f'positive factors, one per link, got {widths}')
    return links, widths
