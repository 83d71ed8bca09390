"""Visibility: closed forms on drawn maps, and heads and arms of bodies."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import free_human, load_body
from xas_mmpose.render import SceneSettings, Synthesizer
from xas_mmpose.render.casting import make_pose_prior, scaled_scene
from xas_mmpose.render.part_colors import PartColorWardrobe
from xas_mmpose.render.visibility import keypoint_slack, keypoint_visibility
from xas_mmpose.render.zbuffer import rasterize

SIZE = 8


def visible(points: list[tuple[float, float]],
            meets: list[set[int]],
            parts: np.ndarray | None = None,
            occluder: np.ndarray | None = None) -> list[int]:
    """Return the visibility of points before an empty or a given map."""
    if parts is None:
        parts = np.zeros((SIZE, SIZE), np.uint8)
    found = keypoint_visibility(
        np.array([(*point, 900.0) for point in points]), parts,
        np.where(parts, 100.0, 0.0), occluder, meets,
        np.full(len(points), np.inf))
    assert found.dtype == np.uint8
    return found.tolist()


def test_pixels_reach_half_a_pixel_beyond_their_centres() -> None:
    points = [(-0.5, 0), (-0.51, 0), (0, -0.5), (0, -0.51), (7.49, 7.49),
              (7.5, 3), (3, 7.5), (np.nan, 2), (np.inf, 2), (1e30, 2)]
    assert visible(points, [{0}] * 10) == [2, 0, 2, 0, 2, 0, 0, 0, 0, 0]


def test_another_part_in_front_hides_and_an_own_one_does_not() -> None:
    parts = np.zeros((SIZE, SIZE), np.uint8)
    parts[2, 3] = 1 + 5
    point = (3.49, 1.5)  # row 2, column 3
    assert visible([point] * 3, [{5}, {4, 5}, {4}], parts) == [2, 2, 1]
    # Beside the silhouette nothing hides; one row up is beside it.
    assert visible([(3.49, 1.49), (3.5, 1.5)], [{4}, {4}], parts) == [2, 2]


def test_part_zero_is_a_part() -> None:
    parts = np.ones((SIZE, SIZE), np.uint8)
    assert visible([(1, 1), (1, 1)], [{0}, {1}], parts) == [2, 1]


def test_an_occluder_hides_from_half_opacity_on() -> None:
    occluder = np.zeros((SIZE, SIZE), np.float32)
    occluder[4, 1], occluder[4, 2] = 0.5, 0.49
    assert visible([(1, 4), (2, 4), (-3, 4)], [{0}] * 3,
                   occluder=occluder) == [1, 2, 0]


def test_a_surface_that_is_much_nearer_hides() -> None:
    parts = np.zeros((SIZE, SIZE), np.uint8)
    parts[2, 3] = 1
    depth = np.where(parts, 1000.0, 0.0)
    points = np.array([(3, 2, 1049), (3, 2, 1051), (3, 2, 1051),
                       (4, 2, 1051), (3, 2, 200)])
    # Beside the silhouette the depth map holds 0, which hides nothing.
    assert keypoint_visibility(
        points, parts, depth, None, [{0}] * 5,
        np.array([50, 50, np.inf, 50, 50])).tolist() == [2, 1, 2, 2, 2]


def test_slack_is_for_what_is_made_of_vertices() -> None:
    body = load_body('human')
    slack = dict(zip(body.skeleton.keypoint_names, keypoint_slack(body)))
    made = {name for name, value in slack.items() if np.isfinite(value)}
    assert made == {'nose', 'head'}
    # A fortieth of 1810 mm, and four times 11 and 24 mm.
    assert slack['nose'] == pytest.approx(45 + 4 * 11, abs=4)
    assert slack['head'] == pytest.approx(45 + 4 * 24, abs=4)


def shown(name: str, yaw: float) -> dict[str, np.ndarray]:
    """Return the visibility of key points in a dozen pictures (12,)."""
    body = load_body(name)
    scene = SceneSettings(image_size=96, yaw=(yaw, yaw), elevation=(0, 0.1),
                          off_axis=0)
    maker = Synthesizer(
        body, PartColorWardrobe(body), scaled_scene(body, scene),
        make_pose_prior(body, reject_crossing=False))
    rng = np.random.default_rng(0)
    drawn = [maker.draw_sample(rng, maker.draw_subject(rng))
             for _ in range(12)]
    return dict(zip(body.skeleton.keypoint_names,
                    np.stack([s.keypoints_visible for s in drawn], 1)))


def test_a_nose_is_seen_from_the_front_only() -> None:
    front, back = shown('human', 0.0), shown('human', np.pi)
    assert (front['nose'] == 2).all()
    assert (back['nose'] == 1).mean() > 0.9
    # Joints and the top of the head are seen from all around.
    assert (front['head'] == 2).mean() > 0.75
    for name in ('neck', 'head'):
        assert (back[name] == 2).mean() > 0.9


@pytest.mark.parametrize('name', ['horse', 'fox'])
def test_an_animal_shows_one_eye_to_each_side(name: str) -> None:
    for yaw, near, far in ((np.pi / 2, 'right', 'left'),
                           (-np.pi / 2, 'left', 'right')):
        seen = shown(name, yaw)
        assert (seen[f'{near}_eye'] == 2).mean() > 0.9
        assert (seen[f'{near}_shoulder'] == 2).mean() > 0.9
        assert (seen[f'{far}_eye'] == 1).all()


def test_an_arm_behind_the_back_is_hidden_from_the_front_only() -> None:
    body = free_human()
    pose = torch.zeros(1, 72)
    # Shoulder down and back, elbow bent: the right hand behind the back.
    pose[0, 3 * 17:3 * 17 + 3] = torch.tensor([0.0, -0.55, 1.23])
    pose[0, 3 * 19:3 * 19 + 3] = torch.tensor([-1.45, -1.89, -0.21])
    out = body(torch.zeros(1, 10), pose[:, :3], pose[:, 3:])
    vertices, wrist = out.vertices[0], out.joints[0, 21]
    chest = out.joints[0, 6]
    assert wrist[2] < chest[2] - 0.08  # the body looks along z
    assert abs(wrist[0] - chest[0]) < 0.1
    owner = body.weights.argmax(1)[body.faces[:, 0]]
    for side, expected in ((1.0, 1), (-1.0, 2)):
        def project(points: torch.Tensor, side: float = side
                    ) -> torch.Tensor:
            x, y, z = (points * torch.tensor([side, -1, -side])).unbind(-1)
            depth = z + 3
            return torch.stack([300 * x / depth + 100, 300 * y / depth + 100,
                                depth], -1)

        screen = project(vertices)[body.faces]
        face = rasterize(screen, torch.zeros(len(screen), dtype=torch.long),
                         1, 200, 200)[0][0]
        parts = torch.where(face >= 0, owner[face] + 1, 0).numpy().astype(
            np.uint8)
        point = project(wrist)[None].numpy()
        assert parts[tuple(np.rint(point[0, 1::-1]).astype(int))] > 0
        assert keypoint_visibility(
            point, parts, np.where(parts, 1.0, 0.0), None, [{19, 21, 23}],
            np.array([np.inf])) == [expected]


def test_sizes_that_disagree_are_named() -> None:
    with pytest.raises(ValueError, match=r'keypoints must be \(1, 3\)'):
        visible([(0, 0), (1, 1)], [{0}])
    with pytest.raises(ValueError, match=r'parts must be \(8, 8\)'):
        visible([(0, 0)], [{0}], np.zeros((8, 9), np.uint8))
    with pytest.raises(ValueError, match=r'depth must be \(8, 8\)'):
        keypoint_visibility(np.zeros((1, 3)), np.zeros((8, 8), np.uint8),
                            np.zeros((8, 7)), None, [{0}], np.zeros(1))
    with pytest.raises(ValueError, match='occluder must be'):
        visible([(0, 0)], [{0}], occluder=np.zeros((7, 8), np.float32))
