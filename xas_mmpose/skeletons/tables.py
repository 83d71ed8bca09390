"""The tables of this package by their names."""
from __future__ import annotations

from .animal3d_26 import ANIMAL3D_26
from .human36m_18 import HUMAN36M_18
from .skeleton import Skeleton


def find_skeleton(name: str | None) -> Skeleton | None:
    """Return the table of a name, None where the package has no such one.

    Args:
        name: ``dataset_name`` of a metainfo.
    """
    tables = (ANIMAL3D_26, HUMAN36M_18)
    return next((table for table in tables if table.name == name), None)
