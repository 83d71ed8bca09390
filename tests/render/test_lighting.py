"""Light against the cosine law."""
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from xas_mmpose.render.lighting import Light

COLOR = np.full((3, 3), 0.4, np.float32)
#: Towards the viewer, up, and away.
NORMALS = np.array([(0, 0, -1), (0, -1, 0), (0, 0, 1)], np.float32)


def light(**changes) -> Light:
    """Return a white lamp at the camera, without gloss."""
    return dataclasses.replace(
        Light(direction=np.array([0, 0, -1.0]), sky=np.array([0, -1.0, 0]),
              ambient=0.5, gloss=0.0, tint=np.ones(3), exposure=1.0),
        **changes)


def test_lamp_and_sky_add_up() -> None:
    shaded = light().shade(COLOR, NORMALS)
    assert shaded.dtype == np.float32
    # Lamp 1.1 - 0.5 where it shines straight on; sky 15 % on what looks up.
    np.testing.assert_allclose(
        shaded[:, 0], 0.4 * np.array([1.1, 0.5 * 1.15, 0.5]), rtol=1e-6)


def test_the_lamp_follows_the_cosine() -> None:
    angles = np.linspace(0, np.pi, 7)
    normals = np.stack([np.sin(angles), 0 * angles, -np.cos(angles)], 1)
    shaded = light().shade(np.full((7, 3), 0.4), normals)
    np.testing.assert_allclose(
        shaded[:, 1], 0.4 * (0.5 + 0.6 * np.cos(angles).clip(0)), atol=1e-9)


def test_gloss_tint_and_exposure() -> None:
    glossy = light(gloss=0.1).shade(COLOR, NORMALS)
    plain = light().shade(COLOR, NORMALS)
    np.testing.assert_allclose(glossy - plain, [[0.1] * 3, [0] * 3, [0] * 3],
                               atol=1e-6)
    tinted = light(tint=np.array([1, 0.5, 0]), exposure=0.5).shade(
        COLOR, NORMALS)
    np.testing.assert_allclose(tinted, plain * (0.5, 0.25, 0), rtol=1e-6)
    bright = light(exposure=5.0).shade(COLOR, NORMALS)
    assert bright.max() == 1


def test_drawn_lights_come_from_the_cameras_side() -> None:
    rng = np.random.default_rng(0)
    lights = [Light.draw(rng) for _ in range(500)]
    directions = np.array([lamp.direction for lamp in lights])
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    assert (directions[:, 2] < 0).mean() > 0.95
    assert (directions[:, 1] < 0).mean() > 0.8
    assert (directions[:, 0] < 0).mean() == pytest.approx(0.5, abs=0.08)
    ambient = [lamp.ambient for lamp in lights]
    assert 0.3 <= min(ambient) < 0.32
    assert 0.63 < max(ambient) <= 0.65
