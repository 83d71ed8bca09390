"""Pictures that are projected onto both sides of an animal."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from xas_mmpose.body_models import ParametricBody, load_body
from xas_mmpose.render import SceneSettings
from xas_mmpose.render.pair_generator import (
    SyntheticSetGenerator,
    SyntheticSetSettings,
)
from xas_mmpose.render.uv_projection import side_coordinates


@pytest.fixture(scope='module')
def cow() -> ParametricBody:
    return load_body('cow')


def test_sides_have_halves_of_the_picture(cow: ParametricBody) -> None:
    coordinates, corners = side_coordinates(cow)
    assert corners.shape == cow.faces.shape
    assert coordinates.min() >= 0
    assert coordinates.max() <= 1
    middle = cow.v_template.numpy()[cow.faces.numpy()].mean(1)
    uv = coordinates[corners].mean(1)
    # SMAL's frame: x front, y left, z up. Flanks: neither back and belly nor
    # the legs, whose inner sides one sees from the other side.
    trunk = np.isin(cow.parts[cow.faces.numpy()], range(7)).all(1)
    left, right = (trunk & (side * middle[:, 1] > 0.15) for side in (1, -1))
    assert (uv[left, 0] <= 0.5).mean() > 0.95
    assert (uv[right, 0] >= 0.5).mean() > 0.95
    for side in (left, right):
        assert np.corrcoef(uv[side, 1], middle[side, 2])[0, 1] > 0.999
    front = middle[:, 0] > 1.8  # both heads lie outside
    assert np.abs(uv[front, 0] - 0.5).min() > 0.4
    # What mirrors the picture mirrors the animal.
    keypoints = cow(*(torch.zeros(1, n) for n in (
        cow.num_betas, 3, 102))).keypoints[0].numpy()
    pairs = [(i, j) for i, j in enumerate(cow.skeleton.flip_indices) if i < j]
    points = cow.v_template.numpy()
    for i, j in pairs:
        a, b = (np.linalg.norm(points - keypoints[k], axis=1).argmin()
                for k in (i, j))
        np.testing.assert_allclose(
            coordinates[a], (1, 0) + (-1, 1) * coordinates[len(points) + b],
            atol=0.03)


def test_pictures_reach_the_animal(tmp_path: Path) -> None:
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, :64, 0] = picture[:, 64:, 2] = 255  # blue left, red right
    cv2.imwrite(str(tmp_path / 'fur.png'), picture)
    for yaw, channel in ((-np.pi / 2, 0), (np.pi / 2, 2)):
        sample = SyntheticSetGenerator(SyntheticSetSettings(
            num=1, body='cow', textures=str(tmp_path), uv_template='sides',
            scene=SceneSettings(image_size=64, supersampling=1,
                                yaw=(yaw, yaw), elevation=(0.0, 0.0)))
        ).sample(0)
        body = sample.image[sample.mask > 0].astype(float).mean(0)
        assert body[channel] > 3 * body[2 - channel]
