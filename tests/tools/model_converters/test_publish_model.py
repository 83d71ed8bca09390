"""A published checkpoint: small, safe, and the same poses."""
from __future__ import annotations

import hashlib
import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.registry import init_default_scope
from mmpose.apis import inference_topdown, init_model
from mmpose.registry import MODELS
from torch import nn

from xas_mmpose.datasets.datasets import XasHuman36mDataset
from xas_mmpose.render.fingerprint import set_checksum

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / 'tools' / 'model_converters' / 'publish_model.py'
CONFIG = ROOT / 'configs' / 'xas_mini_s1.py'


@pytest.fixture(scope='module')
def tool() -> dict:
    return runpy.run_path(str(TOOL))


@pytest.fixture
def synthetic(tmp_path: Path) -> Path:
    """Return a folder that looks like a rendered set."""
    folder = tmp_path / 'data' / 'synthetic'
    (folder / 'images').mkdir(parents=True)
    (folder / 'images' / '0.jpg').write_bytes(b'no picture')
    (folder / 'settings.json').write_text(json.dumps(dict(
        num=1, seed=4, backgrounds='/home/somebody/photos/indoor')))
    return folder


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint of a detector as a training saves it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XAS_MINI_ROOT', '/home/somebody/data/xas_mini')
        cfg = Config.fromfile(CONFIG)
    torch.manual_seed(0)
    init_default_scope('mmpose')
    model = MODELS.build(cfg.model)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    # Distinct peaks, as in a trained one.
    model.head.final_layer.weight.data.normal_(std=3.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0)
    path = tmp_path_factory.mktemp('run') / 'epoch_3.pth'
    torch.save(dict(
        meta=dict(
            epoch=3, iter=9, seed=0, time='20261231_235959',
            experiment_name='somebody',
            # cfg.pretty_text, which says the same, takes seconds.
            cfg='\n'.join(f'{key} = {value!r}'
                          for key, value in cfg.to_dict().items()),
            dataset_meta=XasHuman36mDataset._load_metainfo()),
        state_dict=model.state_dict(), optimizer=optimizer.state_dict(),
        message_hub=dict(log_scalars={}), adversarial_prior=dict(step=1)),
        path)
    return path


@pytest.fixture
def publish(tool: dict, checkpoint: Path, synthetic: Path, tmp_path: Path
            ) -> Callable[..., Path]:
    """Return a function that publishes the checkpoint, or another one."""
    def run(source: Path = checkpoint, data: Path = synthetic) -> Path:
        return tool['main']([
            str(source), str(tmp_path / 'weights' / 'mini.pth'), '--command',
            f'python tools/train.py --work-dir {tmp_path}/a/b', '--data',
            str(data), '--licence', 'CC0-1.0'])
    return run


def test_the_name_is_the_checksum_and_bytes_repeat(publish):
    path = publish()
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert path.name == f'mini-{digest[:8]}_20261231.pth'
    assert publish() == path
    assert path.read_bytes() == data


def test_it_is_small_and_holds_only_what_is_meant(publish, checkpoint,
                                                  synthetic):
    path = publish()
    assert path.stat().st_size < 8e6 < checkpoint.stat().st_size
    # In a process that has allowed nothing.
    code = ('import sys, torch; c = torch.load(sys.argv[1], '
            'weights_only=True); print(*sorted(c))')
    done = subprocess.run([sys.executable, '-c', code, str(path)],
                          capture_output=True, text=True, check=True)
    assert done.stdout.split() == ['meta', 'state_dict']
    published = torch.load(path, weights_only=True)
    meta = published['meta']
    assert set(meta) == {
        'epoch', 'iter', 'seed', 'cfg', 'dataset_meta', 'weights',
        'xas_mmpose_version', 'command', 'training_data',
        'training_data_licence'}
    assert (meta['epoch'], meta['weights']) == (3, 'last step')
    assert meta['command'] == 'python tools/train.py --work-dir a/b'
    described, = meta['training_data']
    assert described == dict(
        name='synthetic', sha256=set_checksum(synthetic),
        settings=dict(num=1, seed=4, backgrounds='photos/indoor'))
    assert 'somebody' not in str(meta)
    cfg = Config.fromstring(meta['cfg'], '.py')
    assert cfg.test_dataloader.dataset.data_root == 'data/xas_mini'
    assert cfg.model == Config.fromfile(CONFIG).model
    names = meta['dataset_meta']['keypoint_id2name']
    assert names[17] == 'thorax'


def test_matrices_are_halved_and_vectors_are_not(publish, checkpoint):
    before = torch.load(checkpoint, weights_only=True)['state_dict']
    after = torch.load(publish(), weights_only=True)['state_dict']
    assert list(before) == list(after)
    for name, tensor in before.items():
        if tensor.ndim > 1:
            assert after[name].dtype == torch.float16
            error = (after[name].float() - tensor).abs().max()
            # Half precision has 11 binary digits.
            assert 0 < error <= tensor.abs().max() * 2**-11
        else:
            assert after[name].dtype == tensor.dtype
            assert torch.equal(after[name], tensor)


def test_mmpose_loads_it_and_finds_the_same_poses(publish, checkpoint):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (160, 160, 3), dtype=np.uint8)
    box = np.array([[20.0, 20, 140, 140]])
    cfg = Config.fromfile(CONFIG)
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type in ('LoadMask', 'RemoveBackground'):
            step.required = False
    found = {}
    for name, path in dict(original=checkpoint, published=publish()).items():
        model = init_model(cfg, str(path), device='cpu')
        assert all(p.dtype == torch.float32 for p in model.parameters())
        sample, = inference_topdown(model, image, box)
        found[name] = sample.pred_instances
    assert model.dataset_meta['flip_indices'][1] == 4
    assert np.ptp(found['original'].keypoints_3d[0], axis=0).min() > 30
    for key, bound in (('keypoints', 0.1), ('keypoints_3d', 0.1)):  # px, mm
        np.testing.assert_allclose(found['published'][key],
                                   found['original'][key], atol=bound, rtol=0)


@pytest.mark.parametrize('text, left', [
    ('/home/alice/data/h36m', 'data/h36m'),
    ('/home/alice/ckpt.pth', 'ckpt.pth'),
    ('/home/alice', '~'),
    ('/home/alice/', '~'),
    ('/home/alice/./work/../../alice/a/b/c', 'b/c'),
    ('//home//alice//x', 'x'),
    ('/nfs/Users/alice/x.pth', 'x.pth'),
    ('/scratch/alice/ckpt.pth', 'ckpt.pth'),
    ('/mnt/nfs/data/h36m/masks', 'h36m/masks'),
    ('/data/h36m', 'h36m'),
    ('/root/a/b', 'a/b'),
    ('/root', '~'),
    ('~/x/y/z', 'y/z'),
    ('~alice/x/y/z', 'y/z'),
    ('~alice', '~'),
    ('a:/home/alice/data/x', 'a:data/x'),
    ('file:///home/alice/data/x', 'file:data/x'),
    ('x=/home/alice/a:/home/alice/b/c', 'x=a:b/c'),
    ("['/home/alice/a', '/home/alice/b']", "['a', 'b']"),
    # Nobody's name.
    ('https://example.org/home/page/of/all', None),
    ('data/synthetic ./a/b/c ${ROOT}/a/b/c', None),
    ('a / b, 1/2, about ~5 min, /', None)])
def test_nobodys_name_stays_in_a_path(tool, text: str, left: str | None):
    shorten = tool['without_absolute_paths']
    assert shorten(text) == (text if left is None else left)
    assert shorten(f'"{text}"\n') == f'"{text if left is None else left}"\n'


def test_the_running_mean_is_what_is_published(tool):
    model = nn.Linear(2, 2)
    nn.init.constant_(model.weight, 1.0)
    runner = Mock(model=model, iter=0)
    hook = EMAHook(ema_type='ExponentialMovingAverage', momentum=0.25)
    hook.before_run(runner)
    hook.after_train_iter(runner, 0)  # the first step only copies
    nn.init.constant_(model.weight, 5.0)
    hook.after_train_iter(runner, 1)
    checkpoint = dict(
        meta=dict(cfg='', dataset_meta={}), state_dict=model.state_dict())
    hook.before_save_checkpoint(runner, checkpoint)
    published = tool['publish'](checkpoint, 'command', 'CC0-1.0', [])
    assert published['state_dict']['weight'].tolist() == [[2, 2], [2, 2]]
    assert published['meta']['weights'] == 'running mean (EMAHook)'


def test_what_cannot_be_published_is_refused(publish, checkpoint, tmp_path,
                                             synthetic):
    with pytest.raises(FileNotFoundError, match=r'settings\.json is missing'):
        publish(data=tmp_path)
    whole = torch.load(checkpoint, weights_only=True)
    name = 'head.final_layer.weight'
    broken = tmp_path / 'broken.pth'
    for change, complaint in (
            (dict(meta=dict(cfg='')), r'broken\.pth: it has no dataset_meta'),
            (dict(state_dict={name: torch.full((1, 2), 1e5)}),
             f'{name} is not finite'),
            (dict(meta=dict(whole['meta'], seed=torch.ones(1))),
             'Tensor in seed')):
        torch.save(dict(whole, **change), broken)
        with pytest.raises(ValueError, match=complaint):
            publish(broken)
    broken.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r'broken\.pth cannot be read'):
        publish(broken)
    with pytest.raises(SystemExit):
        publish(tmp_path / 'nowhere.pth')


def test_paths_lose_what_is_private(tool):
    shorten = tool['without_absolute_paths']
    assert shorten("a='/home/me/data/h36m' b='data/x/y' c=\"/tmp/q\"") == (
        "a='data/h36m' b='data/x/y' c=\"q\"")
    assert shorten('https://a.org/b/c torchvision://resnet50/x/y') == (
        'https://a.org/b/c torchvision://resnet50/x/y')
