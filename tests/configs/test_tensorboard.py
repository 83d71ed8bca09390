"""Pictures of the same targets again and again, in TensorBoard."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

CONFIG = Path(__file__).resolve().parents[2] / 'configs/xas_mini_s2.py'


@pytest.fixture
def options(mini_data: None, small: Callable[[Config], dict]) -> dict:
    """Return what makes a training short: two steps, a validation each."""
    return small(Config.fromfile(CONFIG)) | {
        'load_from': None, 'train_cfg.val_interval': 1,
        # Weights are compared, after sums in one order.
        'randomness.deterministic': True}


def test_the_same_pictures_at_every_step(
        tmp_path: Path, options: dict, run_tool: Callable[..., None]):
    accumulator = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator')
    run_tool('train', CONFIG, '--work-dir', tmp_path / 'with',
             '--tensorboard', options=options | {
                 'default_hooks.visualization.train_interval': 1,
                 'default_hooks.visualization.num_pictures': 2})
    run_tool('train', CONFIG, '--work-dir', tmp_path / 'without',
             options=options)

    event, = (tmp_path / 'with').rglob('events.out.tfevents*')
    events = accumulator.EventAccumulator(str(event.parent), size_guidance={
        accumulator.IMAGES: 0})
    events.Reload()
    tags = events.Tags()
    assert {'loss', 'MPJPE/top1'} <= set(tags['scalars'])
    # Two of the set, each after both steps, and in both validations.
    assert len(tags['images']) == 2
    for tag in tags['images']:
        assert tag.startswith('val/S9/')
        images = events.Images(tag)
        assert [image.step for image in images] == [1, 1, 2, 2]
        pictures = [cv2.imdecode(np.frombuffer(
            image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
            for image in images]
        # Square patch, its skeleton mask, two views, depth profiles.
        assert {picture.shape for picture in pictures} == {
            (52 + 384 + 58, 32 + 5 * 384 + 12 + 2 * 64 + 132, 3)}
        # In the training and right after it: the same weights, one picture.
        np.testing.assert_array_equal(pictures[0], pictures[1])
        assert (pictures[1] != pictures[3]).any()
    # All of it as files, too.
    files = {path.name for path in (tmp_path / 'with').rglob('*.png')}
    assert files == {f'{tag.replace("/", "_")}_{step}.png'
                     for tag in tags['images'] for step in (1, 2)}

    # No truth of a picture that is drawn has reached the weights.
    drawn, plain = (
        torch.load(tmp_path / name / 'epoch_2.pth', weights_only=False)
        ['state_dict'] for name in ('with', 'without'))
    for name, value in plain.items():
        assert torch.equal(value, drawn[name]), name
