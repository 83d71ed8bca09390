"""Which joints count."""
from __future__ import annotations

from collections.abc import Sequence

from xas_mmpose.skeletons import HUMAN36M_18

#: Named subsets of :data:`~xas_mmpose.skeletons.HUMAN36M_18` by their size:
#: all of it, Human3.6M's own joints, and limbs, neck and head alone.
JOINT_SUBSETS = {
    18: HUMAN36M_18.keypoint_names,
    17: tuple(name for name in HUMAN36M_18.keypoint_names
              if name != 'thorax'),
    14: tuple(name for name in HUMAN36M_18.keypoint_names
              if name not in ('root', 'torso', 'nose', 'thorax')),
}


def subset_indices(joints: int | Sequence[str],
                   names: Sequence[str]) -> list[int]:
    """Return where the joints of a subset stand.

    Args:
        joints: A key of :data:`JOINT_SUBSETS`, or names of joints.
        names: Names of all joints (K), in the order of the arrays.

    Returns:
        Indices into ``names``, in their order.

    Raises:
        ValueError: If the subset is unknown or empty, or one of its joints
            is not among ``names``.
    """
    if isinstance(joints, int):
        if joints not in JOINT_SUBSETS:
            raise ValueError(f'joints must be one of {tuple(JOINT_SUBSETS)} '
                             f'or a list of names, got {joints}')
        joints = JOINT_SUBSETS[joints]
    if not joints:
        raise ValueError('joints names no joint: leave it out for all')
    unknown = [name for name in joints if name not in names]
    if unknown:
        raise ValueError(f"joints {unknown} are not among the data set's: "
                         f'{", ".join(names)}')
    return [i for i, name in enumerate(names) if name in joints]
