"""tools/report.py: from a finished run to a row, and to the zoo's pages."""
from __future__ import annotations

import importlib
import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from xas_mmpose.render.fingerprint import set_checksum

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
crop_rule = '{{{{$XAS_CROP_RULE:root}}}}'
model = dict(type='TopdownPoseEstimator', backbone=dict(type='ResNet'))
dataset_info = dict(dataset_name='two', keypoint_info={{0: {{}}, 1: {{}}}})
dataset = dict(type='XasHuman36mDataset', data_root='{data}',
               command='make it', ann_file='test.npz', subjects=['S9'],
               pipeline=[dict(type='GetCubeBox', rule=crop_rule)],
               carry_labels=False)
train_dataloader = dict(batch_size=3, dataset=dict(
    type='XasCombinedDataset',
    datasets=[dataset, dict(type='OnlineSyntheticPairDataset')]))
test_dataloader = dict(batch_size=1, dataset=dataset)
test_evaluator = dict(type='MultiHypothesisMPJPE')
train_cfg = dict(by_epoch=True, max_epochs=2)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.5))
default_hooks = dict(checkpoint=dict(type='CheckpointHook'))
custom_hooks = [dict(type='AdversarialPriorHook', seed=0)]
randomness = dict(seed=0)
"""
LOG = """\
2026/01/01 00:00:00 - mmengine - INFO -
    sys.platform: linux
    Python: 3.11.7 (main, May  9 2026, 07:35:25) [GCC 12.2.0]
    CUDA available: True
    GPU 0,1: Some GPU
    PyTorch: 2.11.0+cu130
    MMEngine: 0.10.7
    seed: 4
    GPU number: 2
2026/01/01 00:00:09 - mmengine - INFO - Exp name: tiny_20260101_000000
2026/01/01 00:00:09 - mmengine - INFO - Epoch(train) [2][1/1]  loss: 1.0
"""
METRICS = {
    'MPJPE/top1': 187.33749491751627, 'MPJPE/oracle': 99.95000000000002,
    'MPJPE/top1,left-right=per_pose,joints=14': 50.25,
    'MPJPE/top1/Walking': 1., 'MPJPE/top1/actions': 180.06,
    'MPJPE/top1/h36m-15': None, 'diversity': 3., 'MPJPE/top1,reference': 4.,
    'data_time': 0.1, 'time': 0.2}
TESTED = """\
INFO - Load checkpoint from /some/where/{checkpoint}
INFO - Protocol: 12 frames; crop rule 'root' (annotated root depth): 12; \
hypothesis rule top1, oracle; left/right exchange none; centred on joint 0; \
joints all; unit mm
INFO - Protocol: 12 frames; crop rule 'mask' (no annotation): 4, 'root' \
(annotated root depth): 8; hypothesis rule top1; left/right exchange \
per_pose; centred on joint 0; joints 14; unit mm
"""


@pytest.fixture(scope='module')
def tool() -> Iterator[SimpleNamespace]:
    """Return the tool and its parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / 'tools'))
        yield SimpleNamespace(
            main=importlib.import_module('report').main,
            pages=importlib.import_module('zoo.pages'))
        # Nothing of the tools stays importable.
        for name in [n for n in sys.modules if n.split('.')[0] in
                     ('report', 'zoo', 'model_converters')]:
            del sys.modules[name]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_log(folder: Path, text: str, config: str) -> None:
    """Write what MMEngine leaves of a run, in a folder named by its time."""
    write(folder / f'{folder.name}.log', text)
    write(folder / 'vis_data' / 'config.py', config)


def write_evaluation(folder: Path, metrics: dict, config: str,
                     checkpoint: str = 'epoch_2.pth') -> Path:
    write_log(folder, TESTED.format(checkpoint=checkpoint), config)
    write(folder / f'{folder.name}.json', json.dumps(metrics))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository with one config, and data beside it."""
    write(tmp_path / 'data' / 'settings.json', json.dumps(
        dict(name='Tiny', version='1.5', seed=7, mask_quality='segmenter')))
    write(tmp_path / 'data' / 'images' / 'a.jpg', 'no picture')
    write(tmp_path / 'configs' / 'tiny.py',
          CONFIG.format(data='data/elsewhere'))
    return tmp_path


@pytest.fixture
def config(root: Path) -> str:
    """Return the config as it was run: with data and a seed of its own."""
    return CONFIG.format(data=root / 'data').replace('seed=0', 'seed=4')


@pytest.fixture
def work(root: Path, config: str) -> Path:
    """Return the work dir of a finished and tested run."""
    folder = root / 'work'
    write_log(folder / '20260101_000000', LOG, config)
    write(folder / 'epoch_2.pth', '')
    write(folder / 'last_checkpoint', f'{folder}/epoch_2.pth')
    write_evaluation(folder / 'test' / '20260102_000000', METRICS, config)
    return folder


def entries(root: Path) -> list[dict]:
    return yaml.safe_load(
        (root / 'configs' / 'tiny_metafile.yml').read_text())['Models']


# --- a run ----------------------------------------------------------------


def test_a_run_becomes_a_row(root, work, tool, capsys):
    assert tool.main([str(work), '--write'], root) == 0
    entry, = entries(root)
    digest = set_checksum(root / 'data')[:8]
    command = ('python tools/train.py configs/tiny.py --cfg-options '
               'custom_hooks.0.seed=4 randomness.seed=4')
    assert (entry['Name'], entry['Config'], entry['Weights']) == (
        'tiny', 'configs/tiny.py', None)
    assert entry['Metadata'] == {
        'Architecture': ['ResNet', 'X as Supervision'],
        'Training Data': [
            f'Tiny (version 1.5, seed 7, segmenter masks, SHA-256 {digest}): '
            'pictures and masks, no joints',
            'synthetic pairs made while training: labelled pairs'],
        'Data Cards': ['docs/synthetic_data.md'],
        'Training Data Licence': None,
        'Training Command': command,
        'Training Resources': '2x Some GPU',
        'Last Checkpoint': 'epoch_2.pth',
        'Batch Size': 3,
        'Seed': 4,
        'Environment': {'Python': '3.11.7', 'PyTorch': '2.11.0+cu130',
                        'MMEngine': '0.10.7'},
        'Code': None,
    }
    top1, oracle, aligned, actions = entry['Results']
    assert top1['Dataset'] == 'Tiny'
    assert top1['Protocol'] == {
        'Hypothesis Rule': 'top1', 'Hypothesis Order': None,
        'Left/Right Rule': 'none',
        'Root Rule': 'centred on joint 0', 'Joints': 'all 2 of two',
        'Crop Rule': 'root (annotated root depth)', 'Mean Over': 'frames',
        'Masks': 'segmenter', 'Split': "test.npz, subjects=['S9']",
        'Frames': 12, 'Seed': 4, 'Checkpoint': 'epoch_2.pth'}
    assert oracle['Protocol'] == dict(top1['Protocol'],
                                      **{'Hypothesis Rule': 'oracle'})
    assert actions['Protocol'] == dict(top1['Protocol'],
                                       **{'Mean Over': 'all actions'})
    assert aligned['Protocol'] == dict(
        top1['Protocol'], **{
            'Left/Right Rule': 'per_pose', 'Joints': '14',
            'Crop Rule': "'mask' (no annotation): 4, 'root' (annotated root "
                         'depth): 8'})
    said = capsys.readouterr().out
    for key, why in (
            ('MPJPE/top1/Walking', 'a table shows no single groups'),
            ('MPJPE/top1/h36m-15', 'it is not defined here'),
            ('diversity', 'its key names no hypothesis rule'),
            ('MPJPE/top1,reference', 'no protocol of it was written down')):
        assert f'left out: {key}: {why}' in said
    # Everything in the evaluation is shown or named, and each row is there.
    shown = [key for result in entry['Results'] for key in result['Metrics']]
    assert len(shown) == len(set(shown)) == 4
    page = (root / 'configs' / 'tiny.md').read_text()
    rows = [line for line in said.splitlines() if line.startswith('| [tiny')]
    assert len(rows) == 4
    assert all(row in page for row in rows)
    assert command in page


def test_numbers_are_those_of_the_evaluation(root, work, config, tool):
    values = np.random.default_rng(0).uniform(0, 400, 200)
    # Where rounding twice would tell: 10.449999 is 10.4, not 10.45 and 10.5.
    values = [*values, 10.449999, 0.05, 0.25, 0.35, 99.95]
    metrics = {f'F{i}/top1': value for i, value in enumerate(values)}
    write_evaluation(work / 'test' / '20260103_000000', metrics, config)
    tool.main([str(work), '--write'], root)
    result, = entries(root)[0]['Results']
    assert {key: f'{value:.1f}' for key, value in result['Metrics'].items()
            } == {key: f'{value:.1f}' for key, value in metrics.items()}
    head, row = [
        [cell.strip() for cell in line.split('|')] for line in
        (root / 'configs' / 'tiny.md').read_text().splitlines()
        if line.startswith(('| Arch', '| [tiny'))]
    for key, value in metrics.items():
        assert row[head.index(key.partition('/')[0])] == f'{value:.1f}'


def test_nothing_is_written_unasked(root, work, tool, capsys):
    before = sorted(root.rglob('*'))
    assert tool.main([str(work)], root) == 0
    assert sorted(root.rglob('*')) == before
    assert 'MPJPE/top1: 187.3' in capsys.readouterr().out


def test_an_entry_takes_the_place_of_the_older_one(root, work, config, tool):
    tool.main([str(work), '--write', '--licence', 'CC0'], root)
    write_evaluation(work / 'test' / '20260103_000000', {'MPJPE/top1': 5.},
                     config)
    write(root / 'configs' / 'tiny_metafile.yml', tool.pages.to_yaml(
        dict(Collections=[tool.pages.read_metafile(
            root / 'configs' / 'tiny_metafile.yml')['Collections'][0]],
             Models=[dict(entries(root)[0], Name='first', Results=None),
                     *entries(root)])))
    tool.main([str(work), '--write'], root)
    first, entry = entries(root)
    assert (first['Name'], first['Results']) == ('first', None)
    assert entry['Results'][0]['Metrics'] == {'MPJPE/top1': 5.}
    assert entry['Metadata']['Training Data Licence'] == 'CC0'


def test_several_evaluations_stand_side_by_side(root, work, config, tool):
    folders = [
        write_evaluation(root / 'other' / f'2026010{day}_000000',
                         {'MPJPE/top1': float(day)},
                         config.replace('test.npz', f'day{day}.npz'))
        for day in (3, 4)]
    tool.main([str(work), '--write', '--evaluation', *map(str, folders)],
              root)
    results = entries(root)[0]['Results']
    assert [(r['Protocol']['Split'], r['Metrics']['MPJPE/top1'])
            for r in results] == [("day3.npz, subjects=['S9']", 3.),
                                  ("day4.npz, subjects=['S9']", 4.)]
    assert 'test_dataloader.dataset.ann_file=day4.npz' in (
        results[1]['Test Command'])


def test_only_tested_weights_are_handed_out(root, work, config, tool):
    weights = 'weights/tiny-01234567_20260101.pth'
    with pytest.raises(ValueError, match=r'tested epoch_2\.pth, not weights'):
        tool.main([str(work), '--weights', weights], root)
    write_evaluation(work / 'test' / '20260103_000000', METRICS, config,
                     Path(weights).name)
    with pytest.raises(ValueError, match=r'not of .*work.*--weights'):
        tool.main([str(work)], root)
    with pytest.raises(FileNotFoundError, match='there are no weights'):
        tool.main([str(work), '--weights', weights], root)
    write(root / weights, '')
    with pytest.raises(ValueError, match=r'01234567.*is no checkpoint'):
        tool.main([str(work), '--weights', weights], root)
    torch.save(dict(state_dict={}), root / weights)
    tool.main([str(work), '--weights', weights, '--write'], root)
    assert entries(root)[0]['Weights'] == weights
    assert 'tools/train.py' in entries(root)[0]['Metadata'][
        'Training Command']
    # Where the file says how it was made, that is how.
    torch.save(dict(meta=dict(command='python tools/all_stages.py')),
               root / weights)
    tool.main([str(work), '--write'], root)
    assert entries(root)[0]['Metadata']['Training Command'] == (
        'python tools/all_stages.py')
    assert f'(../{weights})' in (root / 'configs' / 'tiny.md').read_text()
    # They stay while they are what is tested, and go when they are not.
    tool.main([str(work), '--write'], root)
    assert entries(root)[0]['Weights'] == weights
    write_evaluation(work / 'test' / '20260104_000000', METRICS, config)
    tool.main([str(work), '--write'], root)
    assert entries(root)[0]['Weights'] is None


# --- what is missing ------------------------------------------------------


@pytest.mark.parametrize('gone, error, message', [
    ('.', FileNotFoundError, r'no work dir .*tools/train\.py CONFIG'),
    ('20260101_000000/20260101_000000.log', FileNotFoundError,
     r'no log of a training .*tools/train\.py CONFIG --work-dir'),
    ('20260101_000000/vis_data/config.py', FileNotFoundError,
     'LocalVisBackend'),
    ('last_checkpoint', ValueError, r'not to epoch_2\.pth; go on: .*--resume'),
    ('test/20260102_000000/20260102_000000.json', FileNotFoundError,
     r'no evaluation .*tools/test\.py configs/tiny\.py .*/epoch_2\.pth '
     r'--work-dir .*/test'),
    ('../data', FileNotFoundError, r'data is missing.*made again by: make it'),
    ('../configs/tiny.py', FileNotFoundError, r"'tiny'.*--config"),
])
def test_missing_pieces_are_named(gone, error, message, root, work, tool):
    path = work / gone
    path.rename(root / 'gone')
    with pytest.raises(error, match=message):
        tool.main([str(work)], root)


@pytest.mark.parametrize('file, old, new, message', [
    ('last_checkpoint', 'epoch_2', 'epoch_1', r'come to epoch_1\.pth'),
    ('20260101_000000/20260101_000000.log', 'seed: 4', '', 'no seed'),
    ('test/20260102_000000/20260102_000000.json', '{', '', 'is broken'),
    ('test/20260102_000000/20260102_000000.log', 'Load', '',
     'which checkpoint'),
    ('test/20260102_000000/20260102_000000.log', 'Protocol', '',
     'no number whose protocol is known'),
])
def test_broken_pieces_are_named(file, old, new, message, root, work, tool):
    text = (work / file).read_text()
    assert old in text
    (work / file).write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=message):
        tool.main([str(work)], root)


def test_an_evaluation_before_the_training_does_not_count(root, work, config,
                                                          tool):
    write_log(work / '20260105_000000', LOG, config)
    with pytest.raises(ValueError, match='older than the training'):
        tool.main([str(work)], root)


# --- the recipe -----------------------------------------------------------


def test_other_settings_need_a_name(root, work, config, tool):
    for log in work.rglob('config.py'):
        log.write_text(config.replace('lr=0.5', 'lr=0.1'))
    with pytest.raises(ValueError, match=r'optimizer\.lr=0\.1.*--name'):
        tool.main([str(work)], root)
    tool.main([str(work), '--name', 'tiny_slow', '--write'], root)
    entry, = entries(root)
    assert entry['Name'] == 'tiny_slow'
    assert 'optim_wrapper.optimizer.lr=0.1' in (
        entry['Metadata']['Training Command'])


# --- the pages -------------------------------------------------------------


def test_pages_that_have_drifted_are_told_and_mended(root, work, tool,
                                                     capsys):
    tool.main([str(work), '--write'], root)
    page, metafile = (root / 'configs' / name
                      for name in ('tiny.md', 'tiny_metafile.yml'))
    made = page.read_text()
    assert tool.main(['--check'], root) == 0
    page.write_text(made.replace('187.3', '87.3'))
    assert tool.main(['--check'], root) == 1
    assert 'tiny.md is not what its metafile says' in capsys.readouterr().out
    assert '| 87.3 |' in page.read_text()
    assert tool.main([], root) == 0
    assert page.read_text() == made
    metafile.write_text(metafile.read_text().replace('187.3', '186.2'))
    assert tool.main(['--check'], root) == 1
    assert tool.main([], root) == 0
    assert page.read_text() == made.replace('187.3', '186.2')


# --- a real run -----------------------------------------------------------

MODULE = """
import torch
from mmengine.model import BaseModel
from mmpose.registry import DATASETS, MODELS


@DATASETS.register_module(force=True)
class FourOnes(torch.utils.data.Dataset):
    metainfo = dict(name='four ones')

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(x=torch.ones(1))


@MODELS.register_module(force=True)
class TenOff(BaseModel):
    '''Says where two joints are; the second is 20 mm off.'''

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x, mode='tensor'):
        if mode == 'loss':
            return dict(loss=(self.weight * torch.stack(tuple(x))).mean())
        truth = torch.tensor([[[0., 0, 5000], [0, 300, 5000]]])
        found = truth[:, None] + torch.tensor([[0., 0, 0], [20, 0, 0]])
        return [dict(
            pred_instances=dict(hypotheses_3d=found,
                                hypothesis_scores=torch.ones(1, 1, 2)),
            gt_instances=dict(keypoints_3d=truth,
                              keypoints_3d_visible=torch.ones(1, 2)),
            crop_rule='mask') for _ in x]
"""
REAL = """
custom_imports = dict(imports=['xas_mmpose', 'tiny_for_report'])
default_scope = 'mmpose'
model = dict(type='TenOff')
loader = dict(batch_size=2, sampler=dict(type='DefaultSampler'),
              collate_fn=dict(type='default_collate'),
              dataset=dict(type='FourOnes'))
train_dataloader = test_dataloader = loader
train_cfg = dict(by_epoch=True, max_epochs=1)
test_cfg = dict()
# In a list: MMEngine takes a single one with `metrics` for an evaluator.
test_evaluator = [dict(type='MultiHypothesisMPJPE', metrics=['MPJPE'],
                       hypothesis_rules=['top1'])]
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.5))
randomness = dict(seed=11)
"""


@pytest.mark.parametrize('beside', [True, False])
def test_a_real_run(beside, tmp_path, tool, monkeypatch):
    write(tmp_path / 'tiny_for_report.py', MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    config = write(tmp_path / 'configs' / f'tiny{int(beside)}.py', REAL)
    work = tmp_path / 'work'
    monkeypatch.setenv('LOCAL_RANK', '0')
    for name, arguments in (
            ('train', [config, '--work-dir', work]),
            ('test', [config, work / 'epoch_1.pth', '--work-dir',
                      work / 'test', '--cfg-options',
                      f'experiment_name=test_{beside}',
                      f'test_evaluator.0.report_protocol={beside}'])):
        path = ROOT / 'tools' / f'{name}.py'
        monkeypatch.setattr(sys, 'argv', [str(path), *map(str, arguments)])
        runpy.run_path(str(path), run_name='__main__')
    tool.main([str(work), '--write'], tmp_path)
    metafile = tmp_path / 'configs' / f'tiny{int(beside)}_metafile.yml'
    entry, = yaml.safe_load(metafile.read_text())['Models']
    assert entry['Metadata']['Training Command'] == (
        f'python tools/train.py configs/tiny{int(beside)}.py')
    assert entry['Metadata']['Seed'] == 11
    assert entry['Metadata']['Environment']['PyTorch']
    result, = entry['Results']
    assert result['Metrics'] == {'MPJPE/top1': 10.0}
    assert result['Protocol']['Crop Rule'] == 'mask (no annotation)'
    assert result['Protocol']['Frames'] == 4
    assert result['Test Command'] == (
        f'python tools/test.py configs/tiny{int(beside)}.py epoch_1.pth')
