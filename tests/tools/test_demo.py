"""The demo, from nothing to the table, with few pictures."""
from __future__ import annotations

import argparse
import importlib
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from xas_mmpose.skeletons import ANIMAL3D_26

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / 'tools' / 'demo.py'
CONFIG = ROOT / 'configs' / 'xas_mini_full.py'
MINI = "XaS-Mini's test subjects"
HELDOUT = 'held-out synthetic subjects'
H36M = 'real Human3.6M frames'


@pytest.fixture(scope='module')
def demo() -> Iterator[ModuleType]:
    """Return the tool as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DEMO.parent))
        yield importlib.import_module('demo')
        # Nothing of the tools stays importable.
        for name in [n for n in sys.modules
                     if n.split('.')[0] in ('demo', 'demonstration')]:
            del sys.modules[name]


@pytest.fixture
def h36m_root(fake_h36m) -> Path:
    """Return a made-up Human3.6M in the layout of MMPose's converter."""
    root = fake_h36m.root
    frames = root / 'annotation_body3d' / 'fps10'
    frames.mkdir(parents=True)
    shutil.copy(root / 'annotations' / 'h36m_train.npz',
                frames / 'h36m_test.npz')
    shutil.copy(root / 'annotations' / 'cameras.pkl', frames.parent)
    return root


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Return a checkpoint of random weights."""
    torch.manual_seed(3)
    path = tmp_path / 'mini.pth'
    model = MODELS.build(Config.fromfile(CONFIG).model)
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return path


def run_demo(out: Path, h36m_root: Path, *options: str) -> str:
    """Run the demo on very little and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(DEMO), '--out', str(out), '--num-synthetic',
         '32', '--mini-frames', '1', '--epochs', '2', '--workers', '2',
         '--num-pictures', '1', '--h36m-root', str(h36m_root), '--mpi-root',
         str(out / 'nowhere'), *options],
        capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_demo_ends_with_a_table(
        tmp_path: Path, h36m_root: Path, weights: Path):
    out = tmp_path / 'demo'
    printed = run_demo(out, h36m_root, '--weights', str(weights))
    # The table of the weights that are there comes before any training.
    first, _, rest = printed.partition('[3/5]')
    assert '| shipped |' in first
    assert '| trained |' not in first
    assert '| trained |' in rest
    results = json.loads((out / 'results.json').read_text())
    tests = results['tests']
    # Two subjects, 15 actions, four cameras.
    frames = {MINI: 120, H36M: 6, HELDOUT: 2}
    assert {test: tests[test]['frames'] for test in tests} == frames
    for test in tests:
        rows = {'untrained', 'trained', 'mean pose'}
        if test != HELDOUT:
            rows.add('shipped')
        assert set(tests[test]['rows']) == rows
        for row in rows:
            for metric in ('MPJPE/top1', 'N-MPJPE/top1', 'P-MPJPE/top1'):
                error = tests[test]['rows'][row][metric]
                assert 0 < error < 5000
                assert math.isfinite(error)
        assert f'frames: {test}' in printed
    # Few frames are listed one by one; their mean is the table's number.
    for row in ('shipped', 'trained'):
        each = tests[H36M]['each'][row]
        assert len(each) == 6
        for column in ('MPJPE/top1', 'P-MPJPE/top1', 'MPJPE/oracle'):
            assert np.mean([e[column] for e in each.values()]) == (
                pytest.approx(tests[H36M]['rows'][row][column], rel=1e-5))
    assert 'each' not in tests[MINI]
    assert 'no joints' in results['protocol']
    for folder in ('shipped/XaS-Mini', 'shipped/Human3.6M',
                   'trained/held-out', 'trained/XaS-Mini',
                   'trained/Human3.6M'):
        picture, = (out / 'pictures' / folder).glob('*.png')
        assert cv2.imread(str(picture)).std() > 10
    # What is there serves the weights alone.
    run_demo(out, tmp_path / 'nowhere', '--shipped-only', '--weights',
             str(weights))
    alone = json.loads((out / 'results.json').read_text())['tests']
    assert set(alone) == {MINI}
    assert set(alone[MINI]['rows']) == {'untrained', 'shipped'}
    assert alone[MINI]['rows']['shipped'] == tests[MINI]['rows']['shipped']
    assert not (out / 'data' / 'xas_mini_small').exists()


def test_weights_alone_need_a_small_set_only(
        demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written = []
    monkeypatch.setattr(
        demo, 'write_studio_set', lambda folder, settings, workers:
        written.append((folder.name, settings.frames, settings.num)))
    options = argparse.Namespace(shipped_only=True, mini_frames=10, workers=1)
    assert demo.render_mini(tmp_path, options).name == 'xas_mini_small'
    (tmp_path / 'xas_mini').mkdir()
    (tmp_path / 'xas_mini' / 'checksum.txt').touch()
    assert demo.render_mini(tmp_path, options).name == 'xas_mini'
    # Moments: of two subjects, 15 actions, two each; of seven, ten each.
    assert written == [('xas_mini_small', 2, 60), ('xas_mini', 10, 1050)]


def test_what_is_trained_is_not_trained_again(
        demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture):
    for name in ('synthetic', 'xas_mini'):
        (tmp_path / 'data' / name).mkdir(parents=True)
        (tmp_path / 'data' / name / 'settings.json').write_text('{}')
    commands = []
    monkeypatch.setattr(demo.subprocess, 'run',
                        lambda command, check: commands.append(command))

    def train() -> Path:
        return demo.train(Config.fromfile(CONFIG), tmp_path)

    finished = train()
    assert finished.name == (
        f'epoch_{Config.fromfile(CONFIG).train_cfg.max_epochs}.pth')
    assert train() == finished  # nothing is finished yet
    assert len(commands) == 2
    assert commands[0] == commands[1]
    assert commands[0][-1] == '--resume'
    finished.parent.mkdir()
    (finished.parent / 'last_checkpoint').write_text(str(finished))
    assert train() == finished
    assert len(commands) == 2
    assert 'not trained again' in capsys.readouterr().out
    # Other data, another training.
    (tmp_path / 'data/synthetic/settings.json').write_text('{"num": 1}')
    assert train() != finished


def test_weights_of_another_model_are_refused(
        demo: ModuleType, tmp_path: Path, weights: Path):
    load_model = sys.modules['demonstration.testing'].load_model
    cfg = Config.fromfile(CONFIG)
    tensors = torch.load(weights, weights_only=True)['state_dict']
    found = load_model(cfg, weights).state_dict()
    assert all(torch.equal(found[name].cpu(), tensors[name])
               for name in tensors)
    # Weights from before stage 2 have no network that only it needs.
    first = {name: tensor for name, tensor in tensors.items()
             if 'pretext' not in name}
    assert len(first) < len(tensors)
    torch.save(dict(state_dict=first), weights)
    load_model(cfg, weights)
    for change, complaint in (
            (dict(odd=torch.ones(1)), 'lacks odd'),
            ({'head.final_layer.bias': torch.ones(3)}, 'size mismatch')):
        torch.save(dict(state_dict=dict(first, **change)), weights)
        with pytest.raises(ValueError,
                           match=rf'(?s)mini\.pth does not fit.*{complaint}'):
            load_model(cfg, weights)
    del first['head.final_layer.bias']
    torch.save(dict(state_dict=first), weights)
    with pytest.raises(ValueError, match=r'lacks head\.final_layer\.bias'):
        load_model(cfg, weights)


def test_errors_on_pictures_are_from_the_skeletons_own_root(
        demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    testing = sys.modules['demonstration.testing']
    seen = {}

    def note(*args, errors: dict, ranking: dict, **kwargs) -> np.ndarray:
        seen.update(errors, **ranking)
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(testing, 'draw_hypotheses', note)
    # All key points of an animal are right but the first, an eye.
    truth = np.random.default_rng(0).normal(size=(1, 26, 3)) * 500
    pred = truth.copy()
    pred[0, 0, 2] += 260
    sample = PoseDataSample(metainfo=dict(
        crop_affine=np.eye(3)[:2], img_path='fox.jpg'))
    sample.pred_instances = InstanceData(
        keypoints=truth[..., :2], keypoints_3d=pred,
        hypotheses_3d=pred[:, None], hypothesis_scores=np.ones((1, 1, 26)))
    sample.pred_instances.set_metainfo(
        dict(pose_ranking=dict(first='mean')))
    sample.gt_instances = InstanceData(
        keypoints_3d=truth, keypoints_3d_visible=np.ones((1, 26)))
    sample.gt_fields = PixelData(masks=torch.ones(1, 8, 8))
    testing.draw(tmp_path, [(torch.zeros(3, 8, 8, dtype=torch.uint8),
                             sample)], ANIMAL3D_26.metainfo(), 1)
    assert seen['MPJPE/top1'] == pytest.approx(10)
    assert seen['first'] == 'mean'


def test_a_schedule_is_squeezed_in_proportion(demo: ModuleType):
    def squeezed(epochs: int) -> tuple:
        cfg = Config.fromfile(CONFIG)
        demo.squeeze(cfg, epochs)
        return ([(s.begin, s.end) for s in cfg.param_scheduler],
                [stage.begin for hook in cfg.custom_hooks
                 for stage in hook.get('stages', [])],
                cfg.train_cfg.max_epochs)

    # Warming up takes iterations. Then one cosine for each stage, the
    # second from where the first ends, as the stages do.
    for epochs, border in ((7, 6), (2, 1), (3, 2), (4, 3), (5, 4), (14, 12)):
        assert squeezed(epochs) == (
            [(0, 50), (0, border), (border, epochs)], [0, border], epochs)


def test_every_part_of_a_schedule_keeps_an_epoch(demo: ModuleType):
    cfg = Config(dict(
        train_cfg=dict(max_epochs=10),
        param_scheduler=[
            dict(type='ConstantLR', begin=0, end=1, by_epoch=True),
            dict(type='CosineAnnealingLR', begin=1, end=9, by_epoch=True),
            dict(type='ConstantLR', begin=9, end=10, by_epoch=True)],
        custom_hooks=[dict(type='StageScheduleHook',
                           stages=[dict(begin=0), dict(begin=2)])]))
    assert demo.borders(cfg) == [0, 1, 2, 9, 10]
    demo.squeeze(cfg, 4)
    assert demo.borders(cfg) == [0, 1, 2, 3, 4]
    assert [(s.begin, s.end) for s in cfg.param_scheduler] == [
        (0, 1), (1, 3), (3, 4)]
    assert cfg.custom_hooks[0].stages[1].begin == 2


@pytest.mark.parametrize('epochs', ['1', '0', '-3'])
def test_fewer_epochs_than_stages_are_refused(
        demo: ModuleType, epochs: str, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture):
    monkeypatch.setattr(sys, 'argv', ['demo.py', '--epochs', epochs])
    with pytest.raises(SystemExit):
        demo.parse_args()
    assert '--epochs starts at 2' in capsys.readouterr().err
    monkeypatch.setattr(sys, 'argv', ['demo.py', '--epochs', '2'])
    assert demo.parse_args().epochs == 2


def test_real_frames_join_every_stage(demo: ModuleType):
    cfg = Config.fromfile(CONFIG)
    frames = [dict(type='XasHuman36mDataset', ann_file=name)
              for name in ('a.npz', 'b.npz')]
    before = {stage.begin: list(stage.samples_per_source)
              for hook in cfg.custom_hooks
              for stage in hook.get('stages', [])
              if 'samples_per_source' in stage}
    first = list(cfg.train_dataloader.sampler.samples_per_source)
    demo.add_targets(cfg, frames)
    loader = cfg.train_dataloader
    assert [d.get('ann_file') for d in loader.dataset.datasets][2:] == [
        'a.npz', 'b.npz']
    assert loader.dataset.datasets[3]['carry_root']
    assert loader.sampler.samples_per_source == first + [first[0]] * 2
    assert loader.batch_size == sum(first) + 2 * first[0]
    after = {stage.begin: stage.samples_per_source
             for hook in cfg.custom_hooks
             for stage in hook.get('stages', [])
             if 'samples_per_source' in stage}
    assert before
    assert after == {begin: counts + [counts[0]] * 2
                     for begin, counts in before.items()}


def test_real_frames_need_cameras_and_masks(demo: ModuleType,
                                            h36m_root: Path):
    find_h36m = demo.find_h36m
    assert find_h36m(h36m_root / 'nowhere', None, 4) == []
    found, = find_h36m(h36m_root, None, 4)
    assert found['indices'] == [0, 2, 3, 5]
    assert found['ann_file'] == 'annotation_body3d/fps10/h36m_test.npz'
    with pytest.raises(FileNotFoundError, match='--h36m-masks'):
        find_h36m(h36m_root, h36m_root / 'nowhere', 4)
    (h36m_root / 'annotation_body3d' / 'cameras.pkl').unlink()
    with pytest.raises(FileNotFoundError, match=r'cameras\.pkl is missing'):
        find_h36m(h36m_root, None, 4)


def test_frames_of_mpi_inf_3dhp_are_those_of_both_files(demo: ModuleType,
                                                        tmp_path: Path):
    (tmp_path / 'masks').mkdir()
    for split, names in (('train', ['a.jpg']), ('test', ['b.jpg', 'c.jpg'])):
        np.savez(tmp_path / f'test_3dhp_{split}.npz', imgname=names)
        assert demo.find_mpi_inf_3dhp(tmp_path / 'nowhere', None, 9) == []
        (tmp_path / f'cameras_{split}.pkl').touch()
    first, second = demo.find_mpi_inf_3dhp(tmp_path, None, 9)
    assert (first['camera_param_file'], first['indices']) == (
        'cameras_train.pkl', [0])
    assert (second['camera_param_file'], second['indices']) == (
        'cameras_test.pkl', [0, 1])
    (tmp_path / 'masks').rmdir()
    with pytest.raises(FileNotFoundError, match='--mpi-masks'):
        demo.find_mpi_inf_3dhp(tmp_path, None, 9)
