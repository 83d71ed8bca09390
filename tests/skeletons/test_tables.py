"""Tables are found by the name that their metainfo has."""
from __future__ import annotations

import pytest

from xas_mmpose import skeletons


@pytest.mark.parametrize(
    'table', [getattr(skeletons, name) for name in skeletons.__all__
              if name.isupper()], ids=lambda table: table.name)
def test_every_table_is_found(table: skeletons.Skeleton) -> None:
    name = table.metainfo()['dataset_name']
    assert skeletons.find_skeleton(name) is table


@pytest.mark.parametrize('name', ['coco', '', None])
def test_other_names_have_none(name: str | None) -> None:
    assert skeletons.find_skeleton(name) is None
