from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import VISBACKENDS
from mmengine.visualization import BaseVisBackend, Visualizer
from mmpose.registry import HOOKS
from mmpose.structures import PoseDataSample
from torch import nn

from tests.found_sample import SIDE, sample
from xas_mmpose.engine.hooks import HypothesisVisualizationHook
from xas_mmpose.engine.hooks import hypothesis_visualization_hook as module
from xas_mmpose.skeletons import HUMAN36M_18


class StubBackend(BaseVisBackend):
    """Stands for WandbVisBackend and others: keeps what it is given."""

    def __init__(self, save_dir: str) -> None:
        super().__init__(save_dir)
        self.images: list[tuple] = []

    def _init_env(self) -> None:
        """Do nothing."""

    def experiment(self) -> StubBackend:
        return self

    def add_image(self, name: str, image: np.ndarray, step: int = 0) -> None:
        self.images.append((name, step, image))


@pytest.fixture
def stub() -> Iterator[str]:
    """Register the backend."""
    VISBACKENDS.register_module(module=StubBackend)
    yield 'StubBackend'
    VISBACKENDS.module_dict.pop('StubBackend')


@pytest.fixture
def runner(tmp_path: Path, stub: str) -> SimpleNamespace:
    """Return a runner that tests two green pictures, and what it shows."""
    dataset = SimpleNamespace(data_prefix=dict(img=str(tmp_path / 'images')),
                              metainfo=HUMAN36M_18.metainfo())
    for name in ('walk/1.jpg', 'walk/2.jpg'):
        path = tmp_path / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.zeros((SIDE, 2 * SIDE, 3), np.uint8)
        image[:, SIDE:, 1] = 200
        cv2.imwrite(str(path), image)
    loader = SimpleNamespace(dataset=dataset, sampler=range(2))
    visualizer = Visualizer(
        save_dir=str(tmp_path / 'vis'),
        vis_backends=[dict(type=stub), dict(type='LocalVisBackend')])
    visualizer.show = Mock()
    return SimpleNamespace(
        test_dataloader=loader, val_dataloader=loader, visualizer=visualizer,
        model=nn.Linear(1, 1), iter=7,
        shown=visualizer.get_backend(stub).images)


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


def test_windows(runner: SimpleNamespace, tmp_path: Path):
    hook = HypothesisVisualizationHook(True, interval=2, show=True,
                                       wait_time=0.5)
    run(hook, runner, tmp_path)
    call, = runner.visualizer.show.call_args_list
    assert call.args[0].shape[2] == 3
    assert call.kwargs == dict(win_name='walk/1', wait_time=0.5)
    assert runner.shown == []


def test_backends_get_groups_and_steps(runner: SimpleNamespace,
                                       tmp_path: Path):
    hook = HypothesisVisualizationHook(True)
    for _ in range(2):  # another validation has the same names
        run(hook, runner, tmp_path, 'val')
        runner.iter += 3
    assert [s[:2] for s in runner.shown] == [
        ('val/walk/1', 7), ('val/walk/2', 7),
        ('val/walk/1', 10), ('val/walk/2', 10)]
    # LocalVisBackend, which makes no folders, has lost none of them; and
    # pictures are RGB: the green is no blue.
    files = sorted((tmp_path / 'vis/vis_data/vis_image').iterdir())
    assert [file.name for file in files] == [
        'val_walk_1_10.png', 'val_walk_1_7.png', 'val_walk_2_10.png',
        'val_walk_2_7.png']
    picture = runner.shown[0][2]
    assert np.abs(picture[60, 20].astype(int) - [0, 200, 0]).max() < 40
    np.testing.assert_array_equal(
        cv2.imread(str(files[1]))[..., ::-1], picture)
    runner.shown.clear()
    run(HypothesisVisualizationHook(True), runner, tmp_path)
    assert [s[0] for s in runner.shown] == ['test/walk/1', 'test/walk/2']


@pytest.mark.parametrize('options, expected', [
    (dict(interval=1), [0, 1, 2, 3, 4]),
    (dict(interval=2), [0, 2, 4]),
    (dict(interval=7), [0]),
    (dict(num_pictures=1), [0]),
    (dict(num_pictures=2), [0, 4]),
    (dict(num_pictures=3), [0, 2, 4]),
    (dict(num_pictures=9), [0, 1, 2, 3, 4]),
])
def test_which_pictures(runner: SimpleNamespace, tmp_path: Path,
                        monkeypatch: pytest.MonkeyPatch, options: dict,
                        expected: list[int]):
    drawn = []
    monkeypatch.setattr(module, 'draw_sample', lambda patch, sample, *_: (
        drawn.append(sample.img_id), np.zeros((4, 4, 3), np.uint8))[1])
    runner.val_dataloader.sampler = range(5)
    hook = HypothesisVisualizationHook(True, **options)
    for _ in range(2):
        run(hook, runner, tmp_path, 'val', 5)
    assert drawn == expected * 2
    drawn.clear()
    run(HypothesisVisualizationHook(**options), runner, tmp_path, 'val', 5)
    assert drawn == []


def test_processes_share_the_files_and_one_has_the_backends(
        runner: SimpleNamespace, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, 'get_world_size', lambda: 2)
    patch = torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)
    path = str(tmp_path / 'images/walk/1.jpg')
    for rank in range(2):
        monkeypatch.setattr(module, 'is_main_process', lambda r=rank: r == 0)
        # Two animals of one picture, one in each process.
        animal = sample(path, False, rank)
        animal.set_metainfo(dict(id=40 + rank))
        for hook in (HypothesisVisualizationHook(
                True, out_dir=str(tmp_path / 'out')),
                HypothesisVisualizationHook(True)):
            hook.before_test_epoch(runner)
            hook.after_test_iter(runner, 0, dict(inputs=[patch]), [animal])
    assert sorted(p.name for p in (tmp_path / 'out/walk').iterdir()) == [
        '1_40.jpg', '1_41.jpg']
    assert [s[0] for s in runner.shown] == ['test/walk/1_40']


class Predictor(nn.Module):
    """A model that is partly frozen, and notes how it is asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.trained, self.frozen = nn.Dropout(), nn.Dropout()
        self.train()
        self.frozen.eval()
        self.folder = folder
        self.asked: list[tuple] = []

    def test_step(self, batch: dict) -> list[PoseDataSample]:
        number, = batch['number']
        self.asked.append((number, self.trained.training,
                           torch.is_grad_enabled()))
        path = self.folder / f'images/walk/{number}.jpg'
        return [sample(str(path), False, number)]


class Pictures(list):
    """A data set of a few numbered pictures."""

    metainfo = HUMAN36M_18.metainfo()

    def __init__(self, folder: Path) -> None:
        patch = torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)
        super().__init__(dict(inputs=patch, number=i) for i in range(4))
        self.data_prefix = dict(img=str(folder / 'images'))


def test_pictures_while_it_trains(runner: SimpleNamespace, tmp_path: Path):
    model = runner.model = Predictor(tmp_path)
    # This process's share of a set of 8.
    runner.val_dataloader = SimpleNamespace(dataset=Pictures(tmp_path),
                                            sampler=[0, 2, 3])
    hook = HypothesisVisualizationHook(True, num_pictures=2,
                                       train_interval=3)
    hook.before_train(runner)
    state = torch.get_rng_state()
    for runner.iter in range(7):
        hook.after_train_iter(runner, runner.iter, None, None)
    assert [s[:2] for s in runner.shown] == [
        ('val/walk/0', 3), ('val/walk/3', 3),
        ('val/walk/0', 6), ('val/walk/3', 6)]
    np.testing.assert_array_equal(runner.shown[0][2], runner.shown[2][2])
    assert set(model.asked) == {(0, False, False), (3, False, False)}
    # All is as it was.
    assert [m.training for m in (model, model.trained, model.frozen)] == [
        True, True, False]
    assert torch.equal(state, torch.get_rng_state())


def test_training_draws_on_the_main_process_alone(
        runner: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    runner.model = Mock(side_effect=AssertionError)
    monkeypatch.setattr(module, 'is_main_process', lambda: False)
    runner.iter = 0
    HypothesisVisualizationHook(
        True, num_pictures=1, train_interval=1).after_train_iter(runner, 0)
    monkeypatch.undo()
    HypothesisVisualizationHook(
        num_pictures=1, train_interval=1).after_train_iter(runner, 0)
    assert runner.shown == []


@pytest.mark.parametrize('options, message', [
    (dict(interval=0), 'interval starts at 1, got 0'),
    (dict(num_pictures=0), 'num_pictures starts at 1, got 0'),
    (dict(num_pictures=1, train_interval=-1), 'train_interval starts at 1'),
    (dict(train_interval=5), 'say how many by num_pictures'),
])
def test_wrong_options(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        HypothesisVisualizationHook(**options)


def test_pictures_while_it_trains_take_a_validation_set(
        runner: SimpleNamespace):
    runner.val_dataloader = None
    options = dict(num_pictures=1, train_interval=5)
    HypothesisVisualizationHook(**options).before_train(runner)
    with pytest.raises(ValueError, match='give the config a val_dataloader'):
        HypothesisVisualizationHook(True, **options).before_train(runner)


def test_a_folder_that_cannot_be_written(runner: SimpleNamespace,
                                         tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module.cv2, 'imwrite', lambda *_: False)
    with pytest.raises(OSError, match=r'cannot write .*walk/1\.jpg'):
        run(HypothesisVisualizationHook(True, out_dir=str(tmp_path / 'o')),
            runner, tmp_path)


def test_pictures_elsewhere_keep_their_last_name():
    assert module._name_of(sample('/far/a/b.jpg', False), '/near') == 'b'
    assert module._name_of(sample('/near/a/b.jpg', False), '/near') == 'a/b'
    assert module._name_of(sample('', False, 7), '/near') == '7'
