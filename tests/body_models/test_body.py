"""Which parts meet at a key point, as visibility needs to know."""
from __future__ import annotations

import pytest

from xas_mmpose.body_models import load_body


@pytest.mark.parametrize('name, expected', [
    # A joint's own part and its parent's.
    ('left_knee', {1, 4}),
    ('right_wrist', {19, 21}),
    ('root', {0, 1, 2}),
    # The skin around them at rest counts, too: the upper chest is part 9.
    ('left_shoulder', {9, 13, 16}),
    ('thorax', {9, 13, 14, 16, 17}),
    # The parts of the vertices that a landmark is made of, and the neck.
    ('nose', {12, 15}),
])
def test_parts_meet_at_peoples_key_points(name: str, expected: set) -> None:
    body = load_body('human')
    assert body.keypoint_parts[body.skeleton.index(name)] == expected


@pytest.mark.parametrize('name, expected', [
    ('left_front_paw', {9, 10}),
    ('left_front_knee', {7, 8, 9}),
    ('right_ear', {16, 34}),
    ('tail_base', {0, 25}),
])
def test_parts_meet_at_animals_key_points(name: str, expected: set) -> None:
    body = load_body('horse')
    assert body.keypoint_parts[body.skeleton.index(name)] == expected
