from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import HOOKS
from mmpose.structures import PoseDataSample

from xas_mmpose.engine.hooks import HypothesisVisualizationHook
from xas_mmpose.engine.hooks import hypothesis_visualization_hook as module
from xas_mmpose.skeletons import HUMAN36M_18

K, M = 18, 3
SIDE = 64


def sample(path: str, truth: bool, seed: int = 0) -> PoseDataSample:
    """Return a prediction for the right half of a picture of 128x64 px."""
    rng = np.random.default_rng(seed)
    pose = rng.uniform(-400, 400, (1, K, 3))
    pose -= pose[:, :1]
    found = PoseDataSample(
        metainfo=dict(img_path=path, img_id=seed, input_size=(SIDE, SIDE),
                      crop_affine=np.array([[1., 0, -64], [0, 1, 0]])),
        pred_instances=InstanceData(
            keypoints=np.concatenate(
                [rng.uniform([70, 5], [120, 60], (1, K, 2)),
                 np.zeros((1, K, 1))], -1),
            keypoints_3d=pose, hypotheses_3d=np.repeat(pose[:, None], M, 1),
            hypothesis_scores=np.ones((1, M, K))),
        gt_fields=PixelData(
            masks=torch.full((1, SIDE, SIDE), 255, dtype=torch.uint8)))
    if truth:
        found.gt_instances = InstanceData(
            keypoints_3d=pose * 1.5 + 4000,
            keypoints_3d_visible=np.ones((1, K)))
    return found


@pytest.fixture
def runner(tmp_path: Path) -> SimpleNamespace:
    """Return a runner that tests two green pictures, and what it shows."""
    dataset = SimpleNamespace(data_prefix=dict(img=str(tmp_path / 'images')),
                              metainfo=HUMAN36M_18.metainfo())
    for name in ('walk/1.jpg', 'walk/2.jpg'):
        path = tmp_path / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.zeros((SIDE, 2 * SIDE, 3), np.uint8)
        image[:, SIDE:, 1] = 200
        cv2.imwrite(str(path), image)
    shown: list[tuple] = []
    loader = SimpleNamespace(dataset=dataset)
    return SimpleNamespace(
        test_dataloader=loader, val_dataloader=loader, shown=shown,
        visualizer=SimpleNamespace(
            show=lambda image, win_name, wait_time: shown.append(
                ('window', win_name, image.shape, wait_time)),
            add_image=lambda name, image, step: shown.append(
                ('backend', name, image.shape, step))))


def run(hook: HypothesisVisualizationHook, runner: SimpleNamespace,
        tmp_path: Path, kind: str = 'test', num: int = 2) -> None:
    """Pass two batches of one sample each."""
    getattr(hook, f'before_{kind}_epoch')(runner)
    for i in range(num):
        path = str(tmp_path / f'images/walk/{i + 1}.jpg')
        patch = torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)
        getattr(hook, f'after_{kind}_iter')(
            runner, i, dict(inputs=[patch]), [sample(path, False, i)])


def test_drawings_are_named_as_the_pictures(runner: SimpleNamespace,
                                            tmp_path: Path):
    hook = HOOKS.build(dict(type='HypothesisVisualizationHook', enable=True,
                            out_dir=str(tmp_path / 'out')))
    for _ in range(2):  # another test writes over them
        run(hook, runner, tmp_path)
    files = sorted(str(path.relative_to(tmp_path / 'out'))
                   for path in (tmp_path / 'out').rglob('*.jpg'))
    assert files == ['walk/1.jpg', 'walk/2.jpg']
    drawing = cv2.imread(str(tmp_path / 'out/walk/1.jpg'))
    # The picture's own crop, not the black patch: its panel begins there,
    # and nothing is drawn in its corners.
    assert np.abs(drawing[60, 20].astype(int) - [0, 200, 0]).max() < 40
    assert runner.shown == []


def test_each_animal_of_a_picture_has_a_drawing(runner: SimpleNamespace,
                                                tmp_path: Path):
    hook = HypothesisVisualizationHook(True, out_dir=str(tmp_path / 'out'))
    path = str(tmp_path / 'images/walk/1.jpg')
    herd = [sample(path, False, seed) for seed in range(3)]
    for number, animal in zip((40, 41, 45), herd):
        animal.set_metainfo(dict(id=number))
    patches = [torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)] * 3
    for _ in range(2):  # another test writes over them
        hook.before_test_epoch(runner)
        hook.after_test_iter(runner, 0, dict(inputs=patches), herd)
    files = sorted((tmp_path / 'out/walk').iterdir())
    assert [file.name for file in files] == ['1.jpg', '1_41.jpg', '1_45.jpg']
    assert len({file.read_bytes() for file in files}) == 3


def test_interval_and_windows(runner: SimpleNamespace, tmp_path: Path):
    hook = HypothesisVisualizationHook(True, interval=2, show=True,
                                       wait_time=0.5)
    run(hook, runner, tmp_path)
    (kind, name, shape, wait), = runner.shown
    assert (kind, name, wait) == ('window', 'walk/1', 0.5)
    assert shape[2] == 3
    runner.shown.clear()
    run(HypothesisVisualizationHook(True), runner, tmp_path, 'val')
    assert [(s[0], s[1], s[3]) for s in runner.shown] == [
        ('backend', 'walk/1', 1), ('backend', 'walk/2', 2)]
    runner.shown.clear()
    run(HypothesisVisualizationHook(), runner, tmp_path)
    assert runner.shown == []
    with pytest.raises(ValueError, match='starts at 1, got 0'):
        HypothesisVisualizationHook(interval=0)


def test_truth_is_drawn_and_measured_where_there_is_one(
        monkeypatch: pytest.MonkeyPatch):
    asked: dict = {}

    def draw(*args: object, **options: object) -> np.ndarray:
        asked.update(options, args=args)
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(module, 'draw_hypotheses', draw)
    patch = np.zeros((SIDE, SIDE, 3), np.uint8)
    known = sample('no/such/file.jpg', True)
    module.draw_sample(patch, known, HUMAN36M_18.metainfo(), 'x')
    pose = known.pred_instances.keypoints_3d[0]
    # The truth is half as large again.
    np.testing.assert_allclose(asked['target_3d'], 1.5 * pose, atol=1e-9)
    assert asked['errors']['MPJPE/top1'] == pytest.approx(
        0.5 * np.linalg.norm(pose, axis=-1).mean())
    assert asked['errors']['P-MPJPE/top1'] == pytest.approx(0, abs=1e-6)
    image, mask, keypoints, *_ = asked['args']
    assert image is patch
    assert mask.shape == (SIDE, SIDE)
    np.testing.assert_allclose(
        keypoints, known.pred_instances.keypoints[0, :, :2] - [64, 0])
    module.draw_sample(patch, sample('no/such/file.jpg', False),
                       HUMAN36M_18.metainfo(), 'x')
    assert asked['target_3d'] is None
    assert asked['errors'] == {}


def test_pictures_elsewhere_keep_their_last_name():
    assert module._name_of(sample('/far/a/b.jpg', False), '/near') == 'b'
    assert module._name_of(sample('/near/a/b.jpg', False), '/near') == 'a/b'
    assert module._name_of(sample('', False, 7), '/near') == '7'
