"""Visibility: closed forms on drawn maps, and an arm behind a real back."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import free_human
from xas_mmpose.render.visibility import keypoint_visibility
from xas_mmpose.render.zbuffer import rasterize

SIZE = 8


def visible(points: list[tuple[float, float]],
            meets: list[set[int]],
            parts: np.ndarray | None = None,
            occluder: np.ndarray | None = None) -> list[int]:
    """Return the visibility of points before an empty or a given map."""
    if parts is None:
        parts = np.zeros((SIZE, SIZE), np.uint8)
    found = keypoint_visibility(np.array(points), SIZE, parts, occluder,
                                meets)
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
        point = project(wrist)[None, :2].numpy()
        assert parts[tuple(np.rint(point[0, ::-1]).astype(int))] > 0
        assert keypoint_visibility(point, 200, parts, None,
                                   [{19, 21, 23}]) == [expected]


def test_sizes_that_disagree_are_named() -> None:
    with pytest.raises(ValueError, match=r'keypoints must be \(1, 2\)'):
        visible([(0, 0), (1, 1)], [{0}])
    with pytest.raises(ValueError, match=r'parts must be \(8, 8\)'):
        visible([(0, 0)], [{0}], np.zeros((8, 9), np.uint8))
    with pytest.raises(ValueError, match='occluder must be'):
        visible([(0, 0)], [{0}], occluder=np.zeros((7, 8), np.float32))
