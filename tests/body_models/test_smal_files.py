"""SMAL's files, as they are published, from loading to pictures."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy import sparse

from xas_mmpose.body_models import load_body
from xas_mmpose.body_models.smal import (
    ANIMAL3D_26_VERTICES,
    SMAL_VERTICES,
    SMALBody,
)
from xas_mmpose.render import SceneSettings
from xas_mmpose.render.pair_generator import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
)
from xas_mmpose.skeletons import ANIMAL3D_26

NAMES = {33: 'smal_CVPR2017.pkl', 35: 'my_smpl_00781_4_all.pkl'}


def as_official(horse: SMALBody, num_joints: int) -> dict[str, np.ndarray]:
    """Return a horse with SMAL's numbers of vertices, joints and shapes.

    Its surplus vertices have no faces; those that SMAL's users take for key
    points lie at the horse's.
    """
    num = horse.v_template.shape[0]
    owner = np.arange(SMAL_VERTICES) % num
    v_template = horse.v_template.double().numpy()[owner]
    weights = horse.weights.double().numpy()
    weights[:, 16] += weights[:, num_joints:].sum(1)  # the head's ears
    weights = weights[owner, :num_joints]
    # The horse's own vertices move where SMAL has its key points.
    taken = {v for group in ANIMAL3D_26_VERTICES.values() for v in group}
    free = np.array(sorted(set(range(SMAL_VERTICES)) - taken))
    place = free[:num]
    v_template[place] = horse.v_template.numpy()
    weights[place] = weights[:num].copy()
    zeros = [torch.zeros(1, n) for n in (horse.num_betas, 3, 102)]
    keypoints = horse(*zeros).keypoints[0].double().numpy()
    for name, group in ANIMAL3D_26_VERTICES.items():
        point = keypoints[ANIMAL3D_26.index(name)]
        near = np.linalg.norm(v_template[place] - point, axis=1).argmin()
        v_template[list(group)] = point
        weights[list(group)] = weights[place[near]]
    regressor = np.zeros((num_joints, SMAL_VERTICES))
    regressor[:, place] = horse.joint_regressor.numpy()[:num_joints]
    shapedirs = np.zeros((SMAL_VERTICES, 3, 41))
    shapedirs[..., 0] = v_template / 10  # size
    shapedirs[:, 2, 1] = v_template[:, 2] / 5  # height
    return dict(
        v_template=v_template, weights=weights, shapedirs=shapedirs,
        posedirs=np.zeros((SMAL_VERTICES, 3, 9 * (num_joints - 1))),
        J_regressor=regressor, f=place[horse.faces.numpy()].astype(np.uint32),
        kintree_table=np.array(
            [[2**32 - 1, *horse.parents.tolist()[1:num_joints]],
             range(num_joints)], np.uint32))


@pytest.fixture(scope='module', params=[33, 35])
def file(request: pytest.FixtureRequest, python2,
         tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of Python 2 with chumpy's and scipy's objects."""
    arrays = as_official(load_body('horse'), request.param)
    content = dict(
        arrays, bs_style='lbs', bs_type='lrotmin',
        J_regressor=sparse.csc_matrix(arrays['J_regressor']),
        **{key: python2.ch(arrays[key])
           for key in ('v_template', 'shapedirs', 'posedirs', 'weights')})
    return python2.write(
        tmp_path_factory.mktemp('smal') / NAMES[request.param], content)


@pytest.fixture
def family_data(tmp_path: Path, python2) -> Path:
    means = np.zeros((5, 41))
    means[2, 0], means[4, 1] = 1.0, -1.0  # large horses, low hippos
    return python2.write(
        tmp_path / 'smal_CVPR2017_data.pkl',
        dict(cluster_means=means, cluster_cov=[np.zeros((41, 41))] * 5),
        protocol=0)


@pytest.fixture
def pictures(file: Path) -> Callable[..., SyntheticSetGenerator]:
    """Return what makes a generator of pictures of the file's animal."""
    def make(**settings: object) -> SyntheticSetGenerator:
        return SyntheticSetGenerator(SyntheticSetSettings(
            num=2, body=str(file), scene=SceneSettings(
                image_size=64, supersampling=1), **settings))
    return make


def test_a_file_needs_nothing_else(file: Path, pictures) -> None:
    body = load_body(file)
    assert isinstance(body, SMALBody)
    assert (body.num_betas, body.v_template.shape[0]) == (41, 3889)
    generator = pictures()
    first, second = generator.sample(0), generator.sample(1)
    assert (first.image != second.image).any()
    for sample in (first, second):
        assert 0.03 < (sample.mask > 0).mean() < 0.7
        assert sample.keypoints.shape == (26, 2)
        seen = sample.keypoints_visible > 0
        assert seen.sum() > 20
        x, y = np.rint(sample.keypoints[seen]).astype(int).T.clip(1, 62)
        # In or beside the silhouette, ears too: SMAL's first file has no
        # joint for them, but vertices.
        near = [sample.mask[b - 1:b + 2, a - 1:a + 2].any()
                for a, b in zip(x, y)]
        assert np.mean(near) > 0.95
        assert len(sample.body_pose) == 3 * body.num_joints - 3
        assert np.abs(sample.body_pose).max() > 0.1  # poses from ranges


def test_families_move_the_shape(file: Path, pictures,
                                 family_data: Path) -> None:
    plain, large, low = (
        pictures(family=family, family_data=data, look='parts')
        .subject(0).betas
        for family, data in ((None, None), ('equidae', str(family_data)),
                             ('hippopotamidae', str(family_data))))
    assert len(plain) == 41
    np.testing.assert_array_equal(np.flatnonzero(large), [0])
    np.testing.assert_array_equal(np.flatnonzero(low), [1])
    body = load_body(file)
    rest = torch.zeros(3, 3 * body.num_joints)
    shapes = torch.from_numpy(np.stack([0 * plain, large, low]))
    with torch.no_grad():
        out = body(shapes, rest[:, :3], rest[:, 3:])
    size = np.ptp(out.vertices.numpy(), axis=1)
    np.testing.assert_allclose(size[1], 1.1 * size[0], rtol=1e-4)
    np.testing.assert_allclose(size[2], size[0] * (1, 1, 0.8), rtol=1e-4)


def test_partners_beside_a_file_make_it_symmetric(
        file: Path, tmp_path: Path, python2) -> None:
    crooked = load_body(file).v_template.numpy()
    moved = tmp_path / file.name
    moved.write_bytes(file.read_bytes())
    partners = np.arange(SMAL_VERTICES)
    for name, group in ANIMAL3D_26_VERTICES.items():
        if name.startswith('left_'):
            right = ANIMAL3D_26_VERTICES['right_' + name[5:]]
            partners[list(group)], partners[list(right)] = right, group
    python2.write(tmp_path / 'symIdx.pkl', partners)
    mended = load_body(moved).v_template.numpy()
    assert np.abs(mended - crooked).max() > 0.01
    np.testing.assert_allclose(mended[partners] * (1, -1, 1), mended,
                               atol=1e-6)
    python2.write(tmp_path / 'symIdx.pkl', partners[:9])
    with pytest.raises(ValueError, match=rf'{moved.stem}.*mirror partners'):
        load_body(moved)


def test_smalsts_textures_and_poses(file: Path, tmp_path: Path, pictures,
                                    python2) -> None:
    body = load_body(file)
    cv2.imwrite(str(tmp_path / 'red.png'),
                np.full((8, 8, 3), (0, 0, 255), np.uint8))
    uv = python2.write(tmp_path / 'template_w_tex_uv_001.pkl', dict(
        vt=np.full((3, 2), 0.5), ft=np.zeros(body.faces.shape, np.int64)))
    mean = np.zeros(105)
    mean[3 * 15 + 1] = 0.5  # a lowered neck
    prior = python2.write(tmp_path / 'walking_toy.pkl', dict(
        mean_pose=mean, cov=np.eye(105) * 1e-6,
        pic=python2.ch(np.eye(105) * 1e6)))
    sample = pictures(textures=str(tmp_path), uv_template=str(uv),
                      poses=(str(prior), )).sample(0)
    blue, green, red = sample.image[sample.mask > 0].mean(0)
    assert red > 3 * max(blue, green)
    assert sample.body_pose[3 * 14 + 1] == pytest.approx(0.5, abs=0.01)
