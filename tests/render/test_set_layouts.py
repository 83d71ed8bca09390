"""Sets on disk: maps of parts and depth; what suits no layout."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from xas_mmpose.render import SceneSettings
from xas_mmpose.render.authors_layout import read_authors_joints
from xas_mmpose.render.pair_generator import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
)
from xas_mmpose.render.set_layouts import AuthorsLayout, CocoLayout
from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18


def generator(**changes) -> SyntheticSetGenerator:
    """Return the generator of a small set."""
    return SyntheticSetGenerator(SyntheticSetSettings(**{
        **dict(num=1, scene=SceneSettings(image_size=48)), **changes}))


def folders(root: Path, made: SyntheticSetGenerator) -> None:
    """Make the folders of a set."""
    for name in made.layout.subfolders(made.settings):
        (root / name).mkdir()


def test_maps_of_parts_and_depth_are_written(tmp_path: Path) -> None:
    made = generator(parts=True, depth=True)
    folders(tmp_path, made)
    image = made.write(0, tmp_path)['image']
    assert image['parts_file'] == 'parts/00000000.png'
    sample = made.sample(0)
    parts, depth, mask = (
        cv2.imread(str(tmp_path / image[f'{kind}_file']),
                   cv2.IMREAD_UNCHANGED)
        for kind in ('parts', 'depth', 'mask'))
    assert parts.dtype == np.uint8
    np.testing.assert_array_equal(parts, sample.parts)
    assert depth.dtype == np.uint16
    assert np.abs(depth - sample.depth).max() <= 0.5
    np.testing.assert_array_equal(depth > 0, mask > 0)
    np.testing.assert_array_equal(parts > 0, mask > 0)
    # The torso's depth is that of the root, less the belly.
    root = sample.keypoints_3d[0, 2]
    x, y = np.rint(sample.keypoints[0]).astype(int)
    assert root - 300 < depth[y, x] < root


def test_maps_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    made = generator()
    folders(tmp_path, made)
    image = made.write(0, tmp_path)['image']
    assert sorted(image) == ['file_name', 'height', 'id', 'mask_file',
                             'width']
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'images', 'masks']


def test_depth_that_16_bits_cannot_hold_is_cut_off(tmp_path: Path) -> None:
    scene = SceneSettings(image_size=24, distance=(80e3, 80e3))
    made = generator(depth=True, scene=scene)
    folders(tmp_path, made)
    made.write(0, tmp_path)
    depth = cv2.imread(str(tmp_path / 'depth/00000000.png'),
                       cv2.IMREAD_UNCHANGED)
    assert set(np.unique(depth)) == {0, 65535}


def test_category_and_links_are_those_of_the_skeleton(
        tmp_path: Path) -> None:
    settings = SyntheticSetSettings(num=1)
    for skeleton, name in ((HUMAN36M_18, 'person'), (ANIMAL3D_26, 'animal')):
        CocoLayout(settings, skeleton).finish(tmp_path, {})
        category, = json.loads(
            (tmp_path / 'annotations.json').read_text())['categories']
        assert category['name'] == name
        assert tuple(category['keypoints']) == skeleton.keypoint_names
        assert category['skeleton'][0] == [
            i + 1 for i in skeleton.skeleton_links[0]]


def test_the_authors_joints_are_those_of_the_sample(tmp_path: Path) -> None:
    made = generator(layout='surreal_h36m_pose', scene=SceneSettings(
        image_size=48, extent=2000.0))
    assert made.write(0, tmp_path) == {}
    keypoints, depth = read_authors_joints(tmp_path, 0, 48)
    sample = made.sample(0)
    np.testing.assert_allclose(keypoints, sample.keypoints, atol=1e-4)
    np.testing.assert_allclose(
        depth, sample.keypoints_3d[:, 2] - sample.keypoints_3d[0, 2],
        atol=1e-3)


def test_what_the_authors_layout_cannot_hold_is_refused(
        tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'is for people.*animal3d_26'):
        AuthorsLayout(SyntheticSetSettings(num=1), ANIMAL3D_26)
    made = generator(layout='surreal_h36m_pose')
    with pytest.raises(ValueError, match='extent=2000'):
        made.write(0, tmp_path)
