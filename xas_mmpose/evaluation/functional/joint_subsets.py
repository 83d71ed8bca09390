"""Which joints count."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Joints of an option: the name of a subset, such as ``14`` or ``'14'``, or
#: names of joints.
Joints = int | str | Sequence[str]


def subset_indices(
        joints: Joints,
        names: Sequence[str],
        subsets: Mapping[str, Sequence[str]]) -> list[int]:
    """Return where the joints of a subset stand.

    Args:
        joints: Name of a subset, or names of joints.
        names: Names of all joints (K), in the order of the arrays.
        subsets: Names of joints by the name of the subset, see
            :func:`~xas_mmpose.skeletons.joint_subsets_of`.

    Returns:
        Indices into ``names``, in their order.

    Raises:
        ValueError: If the subset is unknown or empty, or one of its joints
            is not among ``names``.
    """
    if isinstance(joints, int | str):
        if str(joints) not in subsets:
            known = ', '.join(subsets) or 'none'
            raise ValueError(f'no subset {joints!r} of joints, there are: '
                             f'{known}. Or list the joints by name')
        joints = subsets[str(joints)]
    if not joints:
        raise ValueError('joints names no joint: leave it out for all')
    unknown = [name for name in joints if name not in names]
    if unknown:
        raise ValueError(f"joints {unknown} are not among the data set's: "
                         f'{", ".join(names)}')
    return [i for i, name in enumerate(names) if name in joints]


def joints_text(joints: Joints | None, separator: str = ', ') -> str:
    """Return an option's joints as keys and protocols name them.

    Args:
        joints: The option, None for all joints.
        separator: Stands between names of joints.
    """
    if joints is None:
        return 'all'
    if isinstance(joints, int | str):
        return str(joints)
    return separator.join(joints)
