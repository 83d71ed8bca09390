"""Training on a folder of pictures and masks, without annotations."""
from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/xas_custom.py'


def test_nothing_of_a_target_picture_is_known_but_its_mask(
        own_data: None, monkeypatch: pytest.MonkeyPatch):
    # Whatever is set for the other configs.
    monkeypatch.setenv('XAS_CROP_RULE', 'root')
    dataset = DATASETS.build(
        Config.fromfile(CONFIG).train_dataloader.dataset)
    # 2 pictures, and 4 pairs of the two bodies that are not held out.
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    assert [s.domain for s in samples] == ['target'] * 2 + ['synthetic'] * 4
    assert {s.crop_rule for s in samples} == {'mask'}
    for sample in samples[:2]:
        assert set(sample.gt_instances.keys()) == {
            'bboxes', 'bbox_scores', 'bbox_scales'}
        assert 'camera_param' not in sample
        assert sample.gt_instance_labels.keypoint_weights.sum() == 0
    for sample in samples[2:]:
        assert sample.gt_instance_labels.keypoint_weights.sum() == 18


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Return a video of somebody who walks through a room, and goes."""
    wall = cv2.resize(np.random.default_rng(0).integers(
        60, 200, (5, 8, 3), dtype=np.uint8), (160, 96))
    path = tmp_path / 'walk.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10,
                             (160, 96))
    for number in range(16):
        frame = wall.copy()
        if number < 14:
            cv2.ellipse(frame, (10 + 10 * number, 48), (10, 30), 0, 0, 360,
                        (20, 20, 20), -1)
        writer.write(frame)
    writer.release()
    return path


def test_a_video_is_all_that_is_needed(
        video: Path, synthetic_data: None, tmp_path: Path,
        small: Callable[[Config], dict], run_tool: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch):
    """Masks, training, test and drawings, by the commands of the docs."""
    monkeypatch.syspath_prepend(ROOT / 'tools')
    root = tmp_path / 'custom'
    runpy.run_path(str(ROOT / 'tools/make_masks.py'))['main'](list(map(str, (
        video, '--frames-out', root / 'images', '--out', root / 'masks',
        '--method', 'mog2', '--fps', '5', '--set-aside', root / 'empty',
        '--contact-sheet', tmp_path / 'sheet.jpg'))))
    frames = [f'walk/{i:06d}' for i in range(1, 15, 2)]
    assert sorted(str(path.relative_to(root / 'images').with_suffix(''))
                  for path in root.glob('images/*/*.jpg')) == frames
    assert [path.name for path in (root / 'empty/walk').iterdir()] == [
        '000015.jpg']

    monkeypatch.setenv('XAS_CUSTOM_ROOT', str(root))
    options = small(Config.fromfile(CONFIG))
    run_tool('train', CONFIG, '--work-dir', tmp_path / 'work',
             options=options | {'train_cfg.val_interval': 9})
    run_tool('test', CONFIG, tmp_path / 'work/epoch_2.pth', '--work-dir',
             tmp_path / 'test', '--show-dir', tmp_path / 'drawn', '--out',
             tmp_path / 'metrics.json', '--interval', 3, options=options)
    assert json.loads((tmp_path / 'metrics.json').read_text()
                      )['diversity'] > 0
    # Every third of the seven.
    drawn = sorted(tmp_path.glob('drawn/*/*.jpg'))
    assert [path.relative_to(tmp_path / 'drawn').with_suffix('').as_posix()
            for path in drawn] == frames[::3]
    # Three panels side by side.
    height, width, _ = cv2.imread(str(drawn[0])).shape
    assert width > 2.5 * height
