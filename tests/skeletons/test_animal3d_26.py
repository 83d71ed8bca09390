"""Animal3D's key points against the data set's own tables."""
from __future__ import annotations

from xas_mmpose.skeletons import ANIMAL3D_26

#: Swap pairs and links as users of the data set write them.
PAIRS = ((0, 1), (3, 4), (5, 6), (8, 9), (10, 11), (12, 13), (14, 15),
         (16, 17), (20, 21), (22, 23))
LINKS = ((0, 24), (1, 24), (2, 24), (3, 14), (4, 15), (5, 16), (6, 17),
         (7, 18), (8, 12), (9, 13), (10, 7), (11, 7), (12, 18), (13, 18),
         (14, 8), (15, 9), (16, 10), (17, 11), (18, 24), (19, 25), (20, 0),
         (21, 1), (22, 24), (23, 24), (25, 7))


def test_flip_of_the_data_set():
    wanted = list(range(26))
    for left, right in PAIRS:
        wanted[left], wanted[right] = right, left
    assert list(ANIMAL3D_26.flip_indices) == wanted
    for left, right in PAIRS:
        assert ANIMAL3D_26.keypoint_names[left].startswith('left_')
        assert ANIMAL3D_26.keypoint_names[right].startswith('right_')


def test_bones_are_the_links_of_the_data_set():
    ours = {frozenset(link) for link in ANIMAL3D_26.skeleton_links}
    assert ours == {frozenset(link) for link in LINKS}
    assert len(ANIMAL3D_26.skeleton_links) == 25


def test_tree_grows_from_the_tail_base():
    parents = ANIMAL3D_26.parent_indices
    assert ANIMAL3D_26.root_index == 7
    path = [3]
    while path[-1] != 7:
        path.append(parents[path[-1]])
    assert path == [3, 14, 8, 12, 18, 7]


def test_mirrored_skeleton_is_the_same_skeleton():
    flip = ANIMAL3D_26.flip_indices
    assert [flip[p] for p in ANIMAL3D_26.parent_indices] == [
        ANIMAL3D_26.parent_indices[i] for i in flip]
    widths = {frozenset(link): width for link, width in zip(
        ANIMAL3D_26.mask_links, ANIMAL3D_26.mask_link_widths)}
    assert len(widths) == 25 + 6
    assert {frozenset(flip[end] for end in link): width
            for link, width in widths.items()} == widths


def test_extra_links_fill_the_trunk():
    names = ANIMAL3D_26.keypoint_names
    extra = {tuple(names[end] for end in link)
             for link in ANIMAL3D_26.mask_links[25:]}
    assert {(start.split('_', 1)[1], end.split('_', 1)[-1])
            for start, end in extra} == {
        ('shoulder', 'base'), ('shoulder', 'back_thigh'),
        ('front_thigh', 'back_thigh')}
    assert len(extra) == 6


def test_half_body_is_behind_the_root():
    assert all('back' in name or 'tail' in name
               for name in ANIMAL3D_26.lower_body)
    assert len(ANIMAL3D_26.lower_body) == 8
