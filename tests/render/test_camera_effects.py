"""Camera effects: one at a time against closed forms."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from xas_mmpose.render.camera_effects import CameraEffects, photograph

NOTHING = dict(blur=0.0, contrast=(1.0, 1.0), saturation=(1.0, 1.0), hue=0.0,
               tint=0.0, gamma=(1.0, 1.0), noise=0.0)


def take(image: np.ndarray, seed: int = 0, **effects) -> np.ndarray:
    """Photograph a picture with these effects and no others."""
    return photograph(image, np.random.default_rng(seed),
                      CameraEffects(**{**NOTHING, **effects}))


def picture(size: int = 40) -> np.ndarray:
    """Return random colours (S, S, 3) between 0.2 and 0.8."""
    return np.random.default_rng(7).uniform(0.2, 0.8, (size, size, 3)).astype(
        np.float32)


def patch(*color: float) -> np.ndarray:
    """Return a picture of one colour."""
    return np.tile(np.float32(color), (8, 8, 1))


def test_without_effects_colours_are_rounded() -> None:
    image = picture()
    before = image.copy()
    taken = take(image)
    assert taken.dtype == np.uint8
    np.testing.assert_array_equal(taken, np.rint(image * 255))
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(take(patch(-0.2, 0, 1.3))[0, 0],
                                  (0, 0, 255))


def test_the_generator_decides() -> None:
    first, again, other = (
        photograph(picture(), np.random.default_rng(seed))
        for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 1


def test_contrast_is_about_middle_grey() -> None:
    taken = take(patch(0.5, 0.7, 0.3), contrast=(0.5, 0.5))
    np.testing.assert_array_equal(taken[0, 0],
                                  np.rint([127.5, 153.0, 102.0]))


def test_without_saturation_brightness_is_left() -> None:
    image = picture()
    taken = take(image, saturation=(0.0, 0.0))
    expected = image @ (0.114, 0.587, 0.299) * 255
    assert np.abs(taken - expected[..., None]).max() <= 0.501


def test_hues_turn_and_greys_stay() -> None:
    np.testing.assert_array_equal(take(patch(0.4, 0.4, 0.4), hue=1.0),
                                  np.full((8, 8, 3), 102))
    turns = []
    for seed in range(300):
        # A wide range in small angles: no channel is cut off.
        b, g, r = take(patch(0.4, 0.4, 0.6), seed, hue=0.3)[0, 0] / 255
        assert b + g + r == pytest.approx(1.4, abs=0.01)
        turns.append(np.arctan2(np.sqrt(3) * (g - b), 2 * r - g - b))
    turns = np.array(turns)
    assert np.abs(turns).max() < 0.32
    assert np.abs(turns).max() > 0.27
    assert abs(turns.mean()) < 0.04


def test_tints_change_channels_apart() -> None:
    gains = np.array([take(patch(0.5, 0.5, 0.5), seed, tint=0.1)[0, 0]
                      for seed in range(300)]) / 127.5
    assert 0.895 < gains.min() < 0.91
    assert 1.09 < gains.max() < 1.105
    assert np.abs(np.corrcoef(gains.T) - np.eye(3)).max() < 0.2


def test_gamma_is_an_exponent() -> None:
    image = picture()
    np.testing.assert_array_equal(take(image, gamma=(2.0, 2.0)),
                                  np.rint(image**2 * 255))


def test_blur_is_gaussian_and_as_frequent_as_asked() -> None:
    image = picture()
    expected = np.rint(cv2.GaussianBlur(image, (0, 0), 1.5) * 255)
    assert np.abs(take(image, blur=1.0, blur_sigma=(1.5, 1.5))
                  - expected).max() <= 1
    sharp = sum((take(image, seed, blur=0.25) == take(image)).all()
                for seed in range(200))
    assert 130 < sharp < 170
    np.testing.assert_array_equal(
        take(image, blur=1.0, blur_sigma=(0.0, 0.0)), take(image))


def test_noise_is_centred_and_as_strong_as_asked() -> None:
    grey = np.full((64, 64, 3), 0.5, np.float32)
    strengths = []
    for seed in range(100):
        noise = take(grey, seed, noise=0.04) / 255 - 0.5
        strengths.append(noise.std())
        assert abs(noise.mean()) < 0.003
        assert abs(np.corrcoef(noise[:, 1:].ravel(),
                               noise[:, :-1].ravel())[0, 1]) < 0.05
    # Uniform between 0 and 0.04; rounding alone is 0.001.
    assert 0.036 < max(strengths) < 0.042
    assert 0.017 < np.mean(strengths) < 0.023


@pytest.mark.parametrize('wrong, said', [
    (dict(contrast=(1.2, 0.8)), r'contrast must be a range .*1\.2, 0\.8'),
    (dict(gamma=(-1.0, 1.0)), 'gamma must be a range'),
    (dict(noise=-0.1), 'noise must be at least 0'),
])
def test_bad_numbers_are_named(wrong: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CameraEffects(**wrong)
