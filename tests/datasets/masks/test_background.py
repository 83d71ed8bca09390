from __future__ import annotations

import cv2
import numpy as np
import pytest

from xas_mmpose.datasets.masks import BackgroundMethod, NoMaskError
from xas_mmpose.datasets.masks.background import median_background

METHODS = pytest.mark.parametrize('name', ['median', 'mog2'])
HEIGHT, WIDTH, NUM = 90, 160, 24


def room(rng: np.random.Generator) -> np.ndarray:
    """Return a background with structure, colours and much contrast."""
    coarse = rng.integers(70, 190, (6, 10, 3), dtype=np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def clip(shadow: float = 1.0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return frames of an ellipse that walks by, and its masks.

    In front of it lies its shadow, which leaves a share of the light.
    """
    rng = np.random.default_rng(4)
    background = room(rng).astype(np.float32)
    clothes = rng.choice([10, 250], (HEIGHT // 3, WIDTH // 3, 3))
    clothes = cv2.resize(clothes.astype(np.uint8), (WIDTH, HEIGHT),
                         interpolation=cv2.INTER_NEAREST)
    frames, masks = [], []
    for i in range(NUM):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        center = (12 + 6 * i, 45)
        cv2.ellipse(mask, center, (9, 30), 0, 0, 360, 255, -1)
        frame = background.copy()
        dark = np.zeros_like(mask)
        cv2.ellipse(dark, (center[0] + 12, 70), (14, 6), 0, 0, 360, 1, -1)
        frame[dark > 0] *= shadow
        frame[mask > 0] = clothes[mask > 0]
        frame += rng.normal(0, 1.5, frame.shape)
        frames.append(frame.clip(0, 255).round().astype(np.uint8))
        masks.append(mask)
    return frames, masks


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    return ((mask & truth) > 0).sum() / ((mask | truth) > 0).sum()


@METHODS
def test_who_walks_by_is_found(name: str):
    frames, masks = clip()
    find = BackgroundMethod(name).learn(frames)
    scores = [overlap(find(f), m) for f, m in zip(frames, masks)]
    assert min(scores) > 0.94
    assert np.mean(scores) > 0.97
    assert set(np.unique(find(frames[3]))) == {0, 255}


@METHODS
def test_shadows_are_no_foreground_unless_asked_for(name: str):
    frames, masks = clip(shadow=0.7)
    find = BackgroundMethod(name).learn(frames)
    assert np.mean([overlap(find(f), m) for f, m in zip(frames, masks)]
                   ) > 0.93
    with_them = BackgroundMethod(name, shadows=True).learn(frames)
    extra = [(with_them(f) > find(f)).sum() for f in frames[2:-2]]
    # Half the shadow lies beside the person: 14 x 6 pi / 2 = 132 px.
    assert min(extra) > 80


@METHODS
def test_a_mask_depends_on_its_frame_alone(name: str):
    frames, _ = clip()
    find = BackgroundMethod(name).learn(frames)
    first = find(frames[5])
    for frame in frames[::-1]:
        find(frame)
    assert np.array_equal(find(frames[5]), first)
    again = BackgroundMethod(name).learn(frames)
    assert np.array_equal(again(frames[5]), first)


@METHODS
def test_an_empty_room_has_no_mask(name: str):
    frames, _ = clip()
    find = BackgroundMethod(name).learn(frames)
    empty = room(np.random.default_rng(4))
    with pytest.raises(NoMaskError, match='nobody is there, or stands still'):
        find(empty)
    with pytest.raises(NoMaskError, match="80x90 px, unlike its clip's"):
        find(empty[:, :80])


def test_noise_raises_the_threshold():
    rng = np.random.default_rng(0)
    frames = [np.full((40, 40, 3), 120, np.uint8) for _ in range(20)]
    for i, frame in enumerate(frames):
        # A screen that flickers by 20, where 15 is the threshold.
        frame[:, :20] += np.uint8(20 * (i % 3))
        frame[10:30, 25:35] = rng.integers(0, 60) if i == 4 else 120
    mask = BackgroundMethod().learn(frames)(frames[4])
    assert not mask[:, :20].any()
    assert mask[20, 30] == 255


def test_median_and_deviation_in_closed_form():
    frames = [np.full((70, 2, 3), value, np.uint8)
              for value in (10, 14, 11, 200, 12)]
    median, deviation = median_background(frames)
    assert (median == 12).all()
    # Distances 2, 2, 1, 188, 0.
    assert np.allclose(deviation, 1.4826 * 2)


def test_frames_are_chosen_evenly():
    method = BackgroundMethod(num_frames=5)
    assert method.chosen(9) == [0, 2, 4, 6, 8]
    assert method.chosen(4) == [0, 1, 2, 3]
    with pytest.raises(NoMaskError, match='1 frame: a background takes 3'):
        method.chosen(1)


@pytest.mark.parametrize('expression, name, clip_name', [
    (None, 'S1/S1_Eating.54138969_000001.jpg', 'S1/S1_Eating.54138969_'),
    (None, 'walk/0012.png', 'walk/'),
    (r'(S\d+)_.*\.(\d+)_', 'S1/S1_Eating.54138969_000001.jpg',
     'S1 54138969'),
])
def test_clips(expression: str | None, name: str, clip_name: str):
    assert BackgroundMethod(clip=expression).clip_of(name) == clip_name


def test_a_clip_that_is_not_found_names_the_picture():
    with pytest.raises(ValueError, match=r'finds nothing in a/b\.jpg'):
        BackgroundMethod(clip=r'(S\d+)').clip_of('a/b.jpg')


@pytest.mark.parametrize('options, said', [
    (dict(name='mean'), "'median' or 'mog2', got 'mean'"),
    (dict(num_frames=2), 'num_frames starts at 3'),
    (dict(threshold=0), 'positive number, got 0'),
    (dict(clip='S1'), 'no group'),
    (dict(clip='(S1'), 'no regular expression'),
])
def test_wrong_options_are_named(options: dict, said: str):
    with pytest.raises(ValueError, match=said):
        BackgroundMethod(**options)


def test_frames_of_several_sizes_are_not_of_one_camera():
    with pytest.raises(NoMaskError, match='several sizes'):
        BackgroundMethod().learn([np.zeros((4, 5, 3), np.uint8),
                                  np.zeros((5, 4, 3), np.uint8)])
