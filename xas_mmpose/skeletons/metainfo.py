"""What this package reads from an MMPose ``dataset_info`` dictionary."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .animal3d_26 import ANIMAL3D_26
from .human36m_18 import HUMAN36M_18

#: Subsets of the tables of this package by the names of the tables. They are
#: in no metainfo: that would be part of every config.
_JOINT_SUBSETS = {
    skeleton.name: dict(skeleton.joint_subsets)
    for skeleton in (HUMAN36M_18, ANIMAL3D_26)
}


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


def parents_of(metainfo: Mapping[str, Any]) -> list[int]:
    """Return the parent of each key point.

    Args:
        metainfo: A ``dataset_info`` dictionary. Without ``parent_indices``
            the links of ``skeleton_info`` are followed from ``root_index``
            (0 if missing) outwards; a link that would close a circle is left
            out.

    Returns:
        K indices; a root's is its own.

    Raises:
        ValueError: If ``parent_indices`` do not fit the key points, or the
            links do not reach all of them.
    """
    num_keypoints = len(metainfo.get('keypoint_info', {}))
    name = metainfo.get('dataset_name', 'the metainfo')
    parents = metainfo.get('parent_indices')
    if parents is not None:
        parents = [int(p) for p in parents]
        if len(parents) != num_keypoints or not all(
                0 <= p < num_keypoints for p in parents):
            raise ValueError(f'{name}: parent_indices needs one index below '
                             f'{num_keypoints} per key point, got {parents}')
        return parents
    root = int(metainfo.get('root_index', 0))
    found, front = {root: root}, [root]
    links = skeleton_links_of(metainfo)
    while front:
        near = front.pop(0)
        for link in links:
            if near in link:
                far = link[1] if link[0] == near else link[0]
                if far not in found:
                    found[far] = near
                    front.append(far)
    if len(found) != num_keypoints:
        raise ValueError(
            f'{name} has no parent_indices, and from key point {root} its '
            f'skeleton_info reaches {len(found)} of {num_keypoints} key '
            'points')
    return [found[i] for i in range(num_keypoints)]


def flip_indices_of(metainfo: Mapping[str, Any]) -> list[int]:
    """Return the mirror partner of each key point.

    Args:
        metainfo: A ``dataset_info`` dictionary, of whose ``keypoint_info``
            the keys ``swap`` are read.

    Returns:
        K indices; a key point without partner is its own.

    Raises:
        ValueError: If ``swap`` names an unknown key point.
    """
    table = {int(i): info
             for i, info in metainfo.get('keypoint_info', {}).items()}
    ids = {info['name']: i for i, info in table.items()}
    try:
        return [ids[table[i].get('swap') or table[i]['name']]
                for i in sorted(table)]
    except KeyError as error:
        name = metainfo.get('dataset_name', 'the metainfo')
        raise ValueError(f'{name}: keypoint_info swaps with the unknown key '
                         f'point {error}') from None


def joint_subsets_of(
        metainfo: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the named subsets of key points.

    Args:
        metainfo: A ``dataset_info`` dictionary, or what MMPose has made of
            it: its ``dataset_name`` is read.

    Returns:
        Names of key points by the name of the subset; none of a table that
        is not of this package.
    """
    return dict(_JOINT_SUBSETS.get(metainfo.get('dataset_name'), {}))


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
