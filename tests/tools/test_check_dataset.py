"""The tool as one calls it, and what it does when its processes die."""
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

#: A data set that kills the process that reads its second sample.
DEADLY = """
import os
import signal

from mmengine.dataset import BaseDataset
from mmpose.registry import DATASETS


@DATASETS.register_module(force=True)
class Deadly(BaseDataset):
    def load_data_list(self):
        return [dict(img_path=f'{i}.png', number=i) for i in range(3)]

    def prepare_data(self, idx):
        if idx == 1:
            os.kill(os.getpid(), signal.SIGSEGV)


@DATASETS.register_module(force=True)
class DeadlyFile(Deadly):
    def load_data_list(self):
        os.kill(os.getpid(), signal.SIGSEGV)
"""


def test_a_config_is_checked(tool, fake_h36m, fake_synthetic, tmp_path,
                             capsys):
    load = [dict(type='LoadImage'), dict(type='LoadMask'),
            dict(type='GetCubeBox', rule='root'),
            dict(type='CubeAffine', input_size=(64, 64)),
            dict(type='PackXasInputs')]
    human = dict(type='XasHuman36mDataset', pipeline=load,
                 **fake_h36m.options)
    train = [dict(human, carry_root=True),
             dict(type='SyntheticPairDataset', data_root=str(fake_synthetic),
                  pipeline=load),
             dict(type='MaskedFolderDataset', data_root=str(tmp_path / 'no'))]
    config = tmp_path / 'config.py'
    config.write_text(
        f'train_dataloader = dict(dataset=dict(datasets={train!r}))\n'
        f'val_dataloader = dict(dataset={dict(human, carry_labels=True)!r})\n'
        'test_dataloader = val_dataloader\n')
    image = next((fake_h36m.root / 'images/S11').rglob('*.jpg'))
    content = image.read_bytes()
    image.unlink()
    out = tmp_path / 'out'
    main = tool('check_dataset').main
    assert main([str(config), '--out', str(out)]) == 1
    report = json.loads((out / 'report.json').read_text())
    sources = report['sources']
    assert list(sources) == ['train/0', 'train/1', 'train/2', 'val', 'test']
    assert sources['test']['same_as'] == 'val'
    for name in ('train/0', 'val'):
        broken, = sources[name]['broken']
        assert (broken['index'], broken['name']) == (2, str(image))
        assert broken['problems'] == [f'there is no picture {image}']
        assert sources[name]['samples'] == 6
    # No label of a training picture was at hand.
    assert set(sources['train/0']['measures']) == {'mask'}
    assert sources['train/1']['samples'] == 6
    assert sources['train/1']['broken'] == []
    assert sources['train/1']['measures']['reprojection']['max'] < 0.01
    assert 'FileNotFoundError' in sources['train/2']['error']
    for name in ('train_0', 'train_1', 'val'):
        sheet = cv2.imread(str(out / f'{name}.jpg'))
        assert sheet.shape == (292 + 6, 6 * 262 + 6, 3)
        # The third one has a red frame where it is broken; an orange one
        # where its bones, made up at random, are suspicious.
        frame = sheet[20:240, 6 + 2 * 262 + 2].astype(int).mean(0)
        assert frame[2] > 180
        assert (frame[1] < 60) == (name != 'train_1')
    assert not (out / 'records').exists()
    assert str(image) in capsys.readouterr().out
    image.write_bytes(content)
    assert main([str(config), '--out', str(out), '--splits', 'test',
                 '--sheet', '0']) == 0


def test_the_sample_that_a_process_dies_of_is_named(tool, tmp_path,
                                                    monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / 'deadly.py').write_text(DEADLY)
    for i in range(3):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.zeros((4, 4, 3)))
    monkeypatch.chdir(tmp_path)
    source = tool('checking.sources').Source
    workers = tool('checking.workers')
    with workers.Crew(1) as crew:
        assert crew.load(source('val', dict(type='Deadly'),
                                ('deadly', )))['num'] == 3
        records = {r['index']: r for r in crew.records(range(3))}
        assert sorted(records) == [0, 1, 2]
        assert records[0]['broken'] == records[2]['broken'] == []
        assert records[1]['name'] == '1.png'
        assert records[1]['broken'] == [
            'the process died (SIGSEGV) while this sample was read']
        with pytest.raises(workers.LoadError,
                           match=r'SIGSEGV\) while the data set .*a\.mat is'):
            crew.load(source('val', dict(type='DeadlyFile',
                                         ann_file='a.mat'), ('deadly', )))
    with pytest.raises(RuntimeError, match='fewer --workers'):
        workers._cause(-9)
