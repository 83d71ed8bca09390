"""tools/train.py and tools/test.py, and MMPose's own, on a tiny model."""
from __future__ import annotations

import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import mmpose
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
RUNS = itertools.count()

MODULE = """
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmpose.registry import DATASETS, METRICS, MODELS


@DATASETS.register_module(force=True)
class FourOnes(torch.utils.data.Dataset):
    metainfo = dict(name='four ones')

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(x=torch.ones(1))


@MODELS.register_module(force=True)
class OneWeight(BaseModel):
    def __init__(self, start=1.):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([start]))

    def forward(self, x, mode='tensor'):
        y = self.weight * torch.stack(tuple(x))
        return dict(loss=y.mean()) if mode == 'loss' else [*y]


@METRICS.register_module(force=True)
class MeanOutput(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += [float(y) for y in data_samples]

    def compute_metrics(self, results):
        MMLogger.get_current_instance().info(
            'Protocol of mean std: all outputs alike')
        return dict(mean=sum(results) / len(results))
"""

CONFIG = """
custom_imports = dict(imports=['xas_mmpose', 'tiny_for_tools'])
default_scope = 'mmpose'
model = dict(type='OneWeight')
loader = dict(batch_size=2, sampler=dict(type='DefaultSampler'),
              collate_fn=dict(type='default_collate'),
              dataset=dict(type='FourOnes'))
train_dataloader = val_dataloader = test_dataloader = loader
train_cfg = dict(by_epoch=True, max_epochs=1)
val_cfg = test_cfg = dict()
val_evaluator = test_evaluator = dict(type='MeanOutput')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.5))
default_hooks = dict(checkpoint=dict(type='CheckpointHook'),
                     visualization=dict(type='PoseVisualizationHook',
                                        enable=False))
"""


@pytest.fixture
def config(tmp_path, monkeypatch) -> Path:
    (tmp_path / 'tiny_for_tools.py').write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(
        [str(tmp_path), str(ROOT), os.environ.get('PYTHONPATH', '')]))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'tiny.py'
    path.write_text(CONFIG + f'experiment_name = "tools-{next(RUNS)}"\n')
    return path


def run(name: str, *args: object, monkeypatch) -> None:
    """Run a tool within this process, which spares many imports."""
    path = ROOT / 'tools' / f'{name}.py'
    spec = importlib.util.spec_from_file_location(f'tools_{name}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, 'argv', [str(path), *map(str, args)])
    monkeypatch.setenv('LOCAL_RANK', '0')
    module.main()


def renamed() -> str:
    """Return an option: mmengine wants a name for every run of a process."""
    return f'experiment_name=tools-{next(RUNS)}'


def weight_of(checkpoint: Path) -> float:
    return float(torch.load(checkpoint)['state_dict']['weight'])


def test_train_resume_and_test(config, tmp_path, monkeypatch, capsys):
    work_dir = tmp_path / 'work'
    run('train', config, '--work-dir', work_dir, monkeypatch=monkeypatch)
    # Two steps down a slope of 1, each 0.5 long.
    assert weight_of(work_dir / 'epoch_1.pth') == 0.

    run('train', config, '--work-dir', work_dir, '--resume', '--no-validate',
        '--cfg-options', 'train_cfg.max_epochs=3', renamed(),
        monkeypatch=monkeypatch)
    assert weight_of(work_dir / 'epoch_3.pth') == -2.

    run('train', config, '--work-dir', tmp_path / 'other', '--resume',
        work_dir / 'epoch_1.pth', '--cfg-options', 'train_cfg.max_epochs=2',
        renamed(), monkeypatch=monkeypatch)
    assert weight_of(tmp_path / 'other' / 'epoch_2.pth') == -1.

    run('test', config, work_dir / 'epoch_3.pth', '--work-dir', work_dir,
        '--out', tmp_path / 'metrics.json', '--dump', tmp_path / 'out.pkl',
        '--cfg-options', renamed(), monkeypatch=monkeypatch)
    assert json.loads((tmp_path / 'metrics.json').read_text()) == {
        'mean': -2.}
    # What the metric said of its rules stands at the end.
    assert capsys.readouterr().out.endswith(
        'all outputs alike\n    mean: -2.00\n')
    assert (tmp_path / 'out.pkl').is_file()


def test_work_dir_is_named_after_the_config(config, tmp_path, monkeypatch):
    run('train', config, '--cfg-options', 'train_cfg.max_epochs=1',
        monkeypatch=monkeypatch)
    assert (tmp_path / 'work_dirs' / 'tiny' / 'epoch_1.pth').is_file()


@pytest.mark.parametrize('name', ['train', 'test'])
def test_missing_config_is_named(name, config, monkeypatch, capsys):
    rest = ['some.pth'] if name == 'test' else []
    with pytest.raises(SystemExit) as error:
        run(name, 'configs/nowhere.py', *rest, monkeypatch=monkeypatch)
    assert error.value.code == 2
    assert 'no config file configs/nowhere.py' in capsys.readouterr().err


@pytest.mark.parametrize('name, args, message', [
    ('train', ['--resume', 'nowhere.pth'], 'no checkpoint nowhere.pth'),
    ('test', ['nowhere.pth'], 'no checkpoint file nowhere.pth'),
    ('test', ['http://x/y.pth', '--dump', 'out.json'], 'end in .pkl'),
    ('test', ['http://x/y.pth', '--out', 'out.txt'], 'end in .json'),
    ('test', ['http://x/y.pth', '--protocol', 'every63'],
     'no protocol every63: '),
    ('train', ['--work-dir', 'tiny.py'], 'tiny.py is a file, not a folder'),
    ('train', ['--cfg-options', 'train_cfg.max_epochs', '=3'],
     "'train_cfg.max_epochs' is no KEY=VALUE"),
])
def test_bad_arguments_are_named(name, args, message, config, monkeypatch,
                                 capsys):
    with pytest.raises(SystemExit):
        run(name, config, *args, monkeypatch=monkeypatch)
    assert message in ' '.join(capsys.readouterr().err.split())


@pytest.mark.parametrize('name', ['train', 'test'])
def test_slips_in_options_are_named(name, config, tmp_path, monkeypatch):
    rest = ['http://x/y.pth'] if name == 'test' else []
    with pytest.raises(ValueError, match="do you mean 'train_cfg'"):
        run(name, config, *rest, '--cfg-options', 'train_cgf.max_epochs=3',
            monkeypatch=monkeypatch)


def test_mixed_precision_takes_a_gpu(config, monkeypatch):
    monkeypatch.setattr('mmengine.device.get_device', lambda: 'cpu')
    with pytest.raises(ValueError, match='--amp takes a GPU'):
        run('train', config, '--amp', monkeypatch=monkeypatch)


def test_a_protocol_takes_the_place_of_the_evaluation(config, tmp_path,
                                                      monkeypatch, capsys):
    protocol = tmp_path / 'other.py'
    protocol.write_text(
        "test_dataloader = dict(batch_size=4)\n"
        "test_evaluator = dict(_delete_=True, type='MeanOutput', "
        "prefix='other')\n")
    config.write_text(config.read_text().replace(
        'test_evaluator = dict(', 'test_evaluator = dict(no_option=1, '))
    run('train', config, '--no-validate', '--work-dir', tmp_path / 'work',
        monkeypatch=monkeypatch)
    run('test', config, tmp_path / 'work/epoch_1.pth', '--protocol', protocol,
        '--out', tmp_path / 'metrics.json', '--work-dir', tmp_path / 'work',
        '--cfg-options', renamed(), monkeypatch=monkeypatch)
    assert json.loads((tmp_path / 'metrics.json').read_text()) == {
        'other/mean': 0.}


@pytest.mark.parametrize('weights', [
    dict(weight=torch.ones(2)), dict(other=torch.ones(())),
    dict(state_dict={}), dict(weight=1.),
])
def test_weights_of_another_model_are_not_tested(weights, config, tmp_path,
                                                 monkeypatch):
    torch.save(weights, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other\.pth holds the weights of '
                       'another model than the config: 0 of 1 fit'):
        run('test', config, tmp_path / 'other.pth', '--work-dir',
            tmp_path / 'work', monkeypatch=monkeypatch)
    torch.save({'module.weight': torch.tensor([3.])}, tmp_path / 'ours.pth')
    run('test', config, tmp_path / 'ours.pth', '--out', tmp_path / 'm.json',
        '--work-dir', tmp_path / 'work', '--cfg-options', renamed(),
        monkeypatch=monkeypatch)
    assert json.loads((tmp_path / 'm.json').read_text()) == {'mean': 3.}


@pytest.mark.parametrize('args, message', [
    (['--auto-scale-lr'], 'base_batch_size'),
    (['--amp'], 'leave --amp out'),
    (['--show-dir', 'x'], r'default_hooks\.visualization'),
])
def test_options_that_do_not_fit_the_config(args, message, config,
                                            monkeypatch):
    config.write_text(config.read_text() + (
        'optim_wrapper["type"] = "Other"\n'
        'default_hooks.pop("visualization")\n'))
    with pytest.raises(ValueError, match=message):
        run('train', config, *args, monkeypatch=monkeypatch)


@pytest.mark.parametrize('tool', [
    Path(mmpose.__file__).parent / '.mim' / 'tools' / 'train.py',
    ROOT / 'tools' / 'train.py',
], ids=['mmpose', 'ours'])
def test_fresh_process_trains(tool, config, tmp_path):
    # MMPose's tool imports nothing of ours: the config's custom_imports do,
    # early enough for mmpose.models to be imported with mmcv-lite.
    if not tool.is_file():
        pytest.skip('this mmpose was installed without its tools')
    done = subprocess.run(
        [sys.executable, str(tool), str(config), '--work-dir',
         str(tmp_path / 'work')], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert weight_of(tmp_path / 'work' / 'epoch_1.pth') == 0.


@pytest.mark.parametrize('script, count', [
    ('dist_train.sh', 2), ('dist_test.sh', 3), ('slurm_train.sh', 4),
    ('slurm_test.sh', 4)])
def test_launchers_say_what_they_need(script, count):
    for given in range(count):
        done = subprocess.run([ROOT / 'tools' / script, *'abcd'[:given]],
                              text=True, capture_output=True)
        assert done.returncode == 2
        assert done.stderr.startswith('usage: ')


@pytest.mark.parametrize('script, args, expected', [
    ('dist_train.sh', ['a b.py', '2', '--amp'],
     ['--nproc_per_node=2', 'tools/train.py', 'a b.py', '--launcher',
      'pytorch', '--amp']),
    ('dist_test.sh', ['a b.py', 'c.pth', '2', '--out', 'm.json'],
     ['--nproc_per_node=2', 'tools/test.py', 'a b.py', 'c.pth', '--launcher',
      'pytorch', '--out', 'm.json']),
])
def test_launchers_pass_arguments_on(script, args, expected, tmp_path):
    fake = tmp_path / 'python'
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    done = subprocess.run(
        [ROOT / 'tools' / script, *args], text=True, capture_output=True,
        check=True, env={**os.environ,
                         'PATH': f'{tmp_path}:{os.environ["PATH"]}'})
    got = [line.replace(f'{ROOT}/', '') for line in done.stdout.splitlines()]
    assert got[-len(expected):] == expected
    assert '--master_addr=127.0.0.1' in got
