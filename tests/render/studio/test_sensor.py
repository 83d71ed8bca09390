"""A camera's sensor: gains, tone, blur and grain."""
from __future__ import annotations

import numpy as np

from xas_mmpose.render.studio.sensor import Sensor


def sensor(**changes) -> Sensor:
    values = dict(gains=np.ones(3, np.float32), gamma=1.0, blur=0.3,
                  grain=np.zeros((240, 240, 3), np.float32))
    return Sensor(**{**values, **changes})


def picture(value: float = 0.5) -> np.ndarray:
    return np.full((40, 40, 3), value, np.float32)


def test_a_neutral_sensor_changes_nothing():
    out = sensor().develop(picture(0.4), np.random.default_rng(0))
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(out, 102)


def test_gains_and_gamma():
    out = sensor(gains=np.float32([1, 0.5, 2]), gamma=2.0).develop(
        picture(0.4), np.random.default_rng(0))
    expected = np.rint(255 * np.array([0.4, 0.2, 0.8])**2)
    np.testing.assert_array_equal(out[20, 20], expected)


def test_blur_spreads_a_point():
    image = picture(0)
    image[20, 20] = 1
    out = sensor(blur=1.5).develop(image, np.random.default_rng(0))
    assert 10 < out[20, 20, 0] < 60
    assert out[20, 23, 0] > 0


def test_grain_comes_from_the_generator():
    drawn = Sensor.draw(np.random.default_rng(5), 40)
    assert drawn.grain.shape == (200, 200, 3)
    a, again, b = (drawn.develop(picture(), np.random.default_rng(s))
                   for s in (0, 0, 1))
    np.testing.assert_array_equal(a, again)
    assert (a != b).mean() > 0.3
    assert 0.3 < (a.astype(float) - a.mean((0, 1))).std() < 5
