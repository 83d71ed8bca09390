"""Key points of animal sets by name, against MMPose's own metainfo."""
from __future__ import annotations

from pathlib import Path

import mmpose
import pytest
from mmengine.config import Config

from xas_mmpose.datasets.animal_joint_tables import (
    ANIMAL_KEYPOINT_SETS,
    to_animal3d_26,
)
from xas_mmpose.skeletons import ANIMAL3D_26

METAINFO = Path(mmpose.__file__).parent / '.mim/configs/_base_/datasets'
SETS = ('ap10k', 'animalpose', 'horse10', 'zebra')


def mmposes(name: str) -> list[dict]:
    """Return the key points of a set as MMPose knows them."""
    info = Config.fromfile(METAINFO / f'{name}.py').dataset_info
    return [info.keypoint_info[i] for i in sorted(info.keypoint_info)]


@pytest.mark.parametrize('name', SETS)
def test_names_and_order_are_mmposes(name: str):
    assert list(ANIMAL_KEYPOINT_SETS[name]) == [
        info['name'] for info in mmposes(name)]


@pytest.mark.parametrize('name', ANIMAL_KEYPOINT_SETS)
def test_each_name_is_of_animal3d_and_used_once(name: str):
    ours = [known for known in ANIMAL_KEYPOINT_SETS[name].values() if known]
    assert len(set(ours)) == len(ours)
    assert set(ours) <= set(ANIMAL3D_26.keypoint_names)
    order = to_animal3d_26(name)
    theirs = list(ANIMAL_KEYPOINT_SETS[name])
    for i, wanted in zip(order, ANIMAL3D_26.keypoint_names):
        assert (i == -1) == (wanted not in ours)
        assert i == -1 or ANIMAL_KEYPOINT_SETS[name][theirs[i]] == wanted


@pytest.mark.parametrize('name', ['ap10k', 'animalpose', 'zebra'])
def test_mirror_partners_stay_partners(name: str):
    table = ANIMAL_KEYPOINT_SETS[name]
    pairs = 0
    for info in mmposes(name):
        here, there = table[info['name']], table[info['swap'] or info['name']]
        if here is None:
            assert there is None
            continue
        partner = ANIMAL3D_26.flip_indices[ANIMAL3D_26.index(here)]
        assert ANIMAL3D_26.keypoint_names[partner] == there
        pairs += here != there
    assert pairs == dict(ap10k=14, animalpose=16, zebra=2)[name]


def test_near_is_left_where_mmpose_pairs_nothing():
    assert not any(info['swap'] for info in mmposes('horse10'))
    known = {theirs: ours for theirs, ours
             in ANIMAL_KEYPOINT_SETS['horse10'].items() if ours}
    assert len(known) == 9
    for theirs, ours in known.items():
        side = {'Near': 'left_', 'Off': 'right_'}.get(
            next((s for s in ('Near', 'Off') if theirs.startswith(s)), ''))
        assert side is None or ours.startswith(side)


def test_legs_of_all_sets_name_the_same_joints():
    legs = [f'{side}_{end}_{part}' for side in ('left', 'right')
            for end in ('front', 'back') for part in ('thigh', 'knee', 'paw')]
    for name in ('ap10k', 'animalpose'):
        assert set(legs) <= set(ANIMAL_KEYPOINT_SETS[name].values())


def test_animalposes_own_order():
    # As users of Animal3D have published it, who leave the throat out.
    published = [0, 1, -1, 13, 14, 15, 16, 19, 5, 6, 7, 8, -1, -1, 9, 10, 11,
                 12, -1, -1, 3, 4, -1, -1, 2, -1]
    ours = list(to_animal3d_26('animalpose_original'))
    neck = ANIMAL3D_26.index('neck')
    assert ours[neck] == 17
    ours[neck] = -1
    assert ours == published


def test_animal3d_is_itself():
    assert to_animal3d_26('animal3d') == tuple(range(26))
    with pytest.raises(ValueError, match=r"ap10k, animalpose.*'atrw'"):
        to_animal3d_26('atrw')
