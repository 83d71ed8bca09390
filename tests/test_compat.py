from __future__ import annotations

import importlib
import itertools
import os
import pickle
import subprocess
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path

import mmcv
import mmengine
import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import Runner
from packaging.version import Version
from torch import nn

from xas_mmpose import compat

restricted = pytest.mark.skipif(
    Version(torch.__version__) < Version('2.6'),
    reason='this PyTorch reads checkpoints without restriction')


# Versions


@pytest.mark.parametrize('package, version', [
    ('torch', '2.11.0+cu130'),
    ('torch', '2.4.0'),
    ('mmengine', '0.10.7'),
    ('mmcv', '2.0.0rc4'),
    ('mmcv', '2.2.0'),
    ('mmpose', '1.3.2'),
])
def test_supported_versions_pass(package, version):
    compat.check_version(package, version)


@pytest.mark.parametrize('package, version, cure', [
    ('torch', '1.13.1+cu117', "pip install 'torch>="),
    ('torch', '2.3.1', "pip install 'torch>="),
    ('mmengine', '1.0.0', 'pip install mmengine==0.10.7'),
    ('mmengine', '0.5.0', 'pip install mmengine==0.10.7'),
    ('mmcv', '1.7.2', 'pip install mmcv-lite==2.1.0'),
    ('mmcv', '2.0.0rc3', 'pip install mmcv-lite==2.1.0'),
    ('mmpose', '1.2.0', 'pip install --no-deps mmpose==1.3.2'),
    ('mmpose', '0.29.0', 'pip install --no-deps mmpose==1.3.2'),
])
def test_other_versions_are_refused_with_the_cure(package, version, cure):
    with pytest.raises(ImportError) as error:
        compat.check_version(package, version)
    assert version in str(error.value)
    assert cure in str(error.value)


def test_installed_but_old_mmpose_is_refused(monkeypatch):
    import mmpose
    monkeypatch.setattr(mmpose, '__version__', '1.2.0')
    with pytest.raises(ImportError, match=r'mmpose>=1\.3\.0,<2\.0\.0'):
        compat.apply()


@pytest.mark.parametrize('package', ['torch', 'mmengine', 'mmcv', 'mmdet',
                                     'mmpose'])
def test_missing_package_names_the_command(package, monkeypatch):
    # None in sys.modules makes the import fail as for a missing package.
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError) as error:
        compat.import_checked(package)
    assert f'xas_mmpose needs {package}, which is not' in str(error.value)
    assert compat.CURES[package] in str(error.value)
    assert '--no-deps -r requirements/mminstall.txt' in str(error.value)


def test_what_a_package_lacks_is_named(tmp_path, monkeypatch):
    (tmp_path / 'needy_package.py').write_text('import pkg_resources_x.y\n')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError) as error:
        compat.import_checked('needy_package')
    assert 'needy_package needs pkg_resources_x' in str(error.value)
    assert 'pip install pkg_resources_x' in str(error.value)


def test_versions_that_openmmlab_asserts_are_explained(tmp_path, monkeypatch):
    (tmp_path / 'picky_package.py').write_text(
        "assert False, 'MMCV==2.2.0 is used but incompatible.'\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError) as error:
        compat.import_checked('picky_package')
    assert 'MMCV==2.2.0 is used but incompatible.' in str(error.value)
    assert compat.CURES['mmcv'] in str(error.value)


def test_xtcocotools_built_for_another_numpy_is_explained(monkeypatch):
    # Word for word what the wheel says beside numpy 2.4.
    text = ('numpy.dtype size changed, may indicate binary incompatibility. '
            'Expected 96 from C header, got 88 from PyObject')

    def import_module(name):
        assert name == 'xtcocotools._mask'
        raise ValueError(text)

    monkeypatch.setattr(compat.importlib, 'import_module', import_module)
    with pytest.raises(ImportError) as error:
        compat.check_xtcocotools()
    assert text in str(error.value)
    assert "'numpy<2'" in str(error.value)
    assert '--no-binary xtcocotools' in str(error.value)


def test_missing_xtcocotools_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, 'xtcocotools._mask', None)
    with pytest.raises(ImportError, match=r'xtcocotools==1\.14\.3'):
        compat.check_xtcocotools()


# mmcv._ext


@pytest.fixture
def without_ext(monkeypatch):
    """Forget `mmcv._ext`, and put everything back after the test."""
    monkeypatch.delitem(sys.modules, 'mmcv._ext', raising=False)
    monkeypatch.delattr(mmcv, '_ext', raising=False)


def test_lite_gets_ops_that_complain_when_called(without_ext, monkeypatch):
    monkeypatch.setattr(compat.importlib.util, 'find_spec', lambda _: None)
    assert compat.provide_mmcv_ext()
    assert compat.provide_mmcv_ext()  # a second time changes nothing
    ext = importlib.import_module('mmcv._ext')
    assert mmcv._ext is ext
    assert hasattr(ext, 'ms_deform_attn_forward')
    assert not hasattr(ext, '__path__')
    with pytest.raises(RuntimeError) as error:
        ext.ms_deform_attn_forward(torch.zeros(1), im2col_step=64)
    assert "'ms_deform_attn_forward'" in str(error.value)
    assert 'pip install mmcv==2.1.0' in str(error.value)


def test_real_op_of_lite_complains():
    from mmcv.ops import nms
    if not isinstance(sys.modules['mmcv._ext'], compat._MissingOps):
        pytest.skip('a full mmcv is installed')
    with pytest.raises(RuntimeError, match="MMCV op 'nms' was called"):
        nms(torch.tensor([[0., 0., 1., 1.]]), torch.ones(1), 0.5)


def test_lite_goes_on_to_say_that_it_has_no_ops():
    from mmcv.utils.ext_loader import check_ops_exist
    full = not isinstance(sys.modules['mmcv._ext'], compat._MissingOps)
    assert check_ops_exist() is full


def test_full_mmcv_not_yet_imported_is_left_alone(without_ext, monkeypatch):
    monkeypatch.setattr(compat.importlib.util, 'find_spec',
                        lambda name: ModuleSpec(name, loader=None))
    assert not compat.provide_mmcv_ext()
    assert 'mmcv._ext' not in sys.modules
    assert not hasattr(mmcv, '_ext')


def test_full_mmcv_already_imported_is_left_alone(without_ext, monkeypatch):
    real = types.ModuleType('mmcv._ext')
    real.nms = lambda: 'real'
    monkeypatch.setitem(sys.modules, 'mmcv._ext', real)
    assert not compat.provide_mmcv_ext()
    compat.apply()
    assert sys.modules['mmcv._ext'] is real
    assert importlib.import_module('mmcv._ext').nms() == 'real'


def run_python(code: str, **env: str) -> subprocess.CompletedProcess:
    root = str(Path(compat.__file__).resolve().parents[1])
    path = os.pathsep.join([*env.pop('paths', '').split(), root])
    return subprocess.run([sys.executable, '-c', code], text=True,
                          capture_output=True,
                          env={**os.environ, 'PYTHONPATH': path, **env})


def test_package_imports_with_full_mmcv(tmp_path):
    # A full mmcv is the lite one's Python files plus one extension module:
    # link the former, and put a module that has every op for the latter.
    package = tmp_path / 'mmcv'
    package.mkdir()
    for item in Path(mmcv.__file__).parent.iterdir():
        if item.stem != '_ext':
            (package / item.name).symlink_to(item)
    (package / '_ext.py').write_text(
        "def __getattr__(name):\n"
        "    if name.startswith('__'):\n"
        "        raise AttributeError(name)\n"
        "    return lambda *args, **kwargs: 'compiled ' + name\n")
    done = run_python(
        'import xas_mmpose, mmpose.models, mmcv._ext, mmcv\n'
        'print(mmcv._ext.__file__, mmcv._ext.nms())', paths=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split('\n')[-2] == f'{package / "_ext.py"} compiled nms'


def test_package_imports_in_a_fresh_process_and_twice():
    done = run_python('import sys, xas_mmpose, mmpose.models\n'
                      'del sys.modules["xas_mmpose"]\n'
                      'del sys.modules["xas_mmpose.compat"]\n'
                      'import xas_mmpose.compat\n'
                      'xas_mmpose.compat.apply()\n'
                      'print(xas_mmpose.__version__)')
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1].count('.') == 2


# Checkpoints


#: mmengine wants every run of a process to have a name of its own.
RUNS = itertools.count()


class Line(BaseModel):
    """The smallest model with a batch norm that a Runner trains."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)
        self.linear = nn.Linear(2, 1)

    def forward(self, x, mode='tensor'):
        y = self.linear(self.norm(torch.stack(tuple(x))))
        if mode == 'loss':
            return dict(loss=y.square().mean(), acc_pose=y.detach().mean())
        return y


def make_runner(work_dir: Path, max_epochs: int, resume: bool = False):
    generator = torch.Generator().manual_seed(0)
    data = [dict(x=torch.randn(2, generator=generator)) for _ in range(8)]
    return Runner(
        model=Line(),
        work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=data, batch_size=2,
            sampler=dict(type='DefaultSampler', shuffle=True),
            collate_fn=dict(type='default_collate')),
        train_cfg=dict(by_epoch=True, max_epochs=max_epochs),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3)),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.1, end=3, by_epoch=False),
            dict(type='MultiStepLR', milestones=[1], gamma=0.1),
            dict(type='CosineAnnealingLR', T_max=8, by_epoch=False),
            dict(type='OneCycleLR', eta_max=1e-3, total_steps=20,
                 by_epoch=False),
        ],
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1),
                           checkpoint=dict(type='CheckpointHook')),
        custom_hooks=[dict(type='EMAHook')],
        randomness=dict(seed=0),
        resume=resume,
        default_scope='mmpose',
        experiment_name=f'compat-{next(RUNS)}')


def test_runner_saves_and_resumes(tmp_path):
    first = make_runner(tmp_path, max_epochs=2)
    first.train()
    moments = first.optim_wrapper.state_dict()

    # What train() does up to reading the checkpoint, to look at what was read.
    second = make_runner(tmp_path, max_epochs=3, resume=True)
    assert second.train_loop.max_epochs == 3
    second.optim_wrapper = second.build_optim_wrapper(second.optim_wrapper)
    second.param_schedulers = second.build_param_scheduler(
        second.param_schedulers)
    second.call_hook('before_run')
    second.load_or_resume()
    assert (second.epoch, second.iter) == (2, 8)
    for name, value in first.model.state_dict().items():
        torch.testing.assert_close(second.model.state_dict()[name], value)
    for key, state in moments['state'].items():
        torch.testing.assert_close(
            second.optim_wrapper.state_dict()['state'][key]['exp_avg'],
            state['exp_avg'])
    losses = second.message_hub.log_scalars['train/loss']
    assert isinstance(losses, HistoryBuffer)
    np.testing.assert_array_equal(
        losses.data[0], first.message_hub.log_scalars['train/loss'].data[0])
    assert len(losses.data[0]) == 8

    third = make_runner(tmp_path, max_epochs=3, resume=True)
    third.train()
    assert (third.epoch, third.iter) == (3, 12)


def test_plain_arrays_and_numbers_are_read(tmp_path):
    meta = dict(
        sigmas=np.array([0.5, 0.25], np.float32),
        no_sigmas=np.array([], np.float32),
        colors=np.zeros((2, 3), np.uint8),
        visible=np.array([True, False]),
        ids=np.arange(3),
        names=np.array(['hip', 'knee']),
        best=np.float64(1.5),
        count=np.int64(3))
    torch.save(meta, tmp_path / 'meta.pth')
    read = torch.load(tmp_path / 'meta.pth', weights_only=True)
    assert read.keys() == meta.keys()
    for key, value in meta.items():
        np.testing.assert_array_equal(read[key], value)
        assert read[key].dtype == value.dtype


class Malicious:
    """Runs a command of its own choice when it is unpickled."""

    def __init__(self, call, *args) -> None:
        self.reduced = (call, args)

    def __reduce__(self):
        return self.reduced


@restricted
@pytest.mark.parametrize('build', [
    lambda path: Malicious(os.mkdir, path),
    lambda path: Malicious(eval, f'__import__("os").mkdir({path!r})'),
    lambda path: Malicious(getattr, HistoryBuffer, '__init__'),
    lambda path: Malicious(getattr, HistoryBuffer, '_statistics_methods'),
    lambda path: Malicious(getattr, np.ndarray, 'tofile'),
    lambda path: np.array([Malicious(os.mkdir, path)], dtype=object),
])
def test_malicious_checkpoint_is_refused(build, tmp_path):
    victim = tmp_path / 'made'
    torch.save(dict(state_dict={}, meta=build(str(victim))),
               tmp_path / 'bad.pth')
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / 'bad.pth')
    with pytest.raises(pickle.UnpicklingError):
        mmengine.runner.checkpoint.load_from_local(
            str(tmp_path / 'bad.pth'), map_location='cpu')
    assert not victim.exists()


def test_torch_load_is_not_patched():
    assert torch.load.__module__ == 'torch.serialization'
    assert torch.load.__qualname__ == 'load'
