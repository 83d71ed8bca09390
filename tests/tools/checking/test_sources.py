from __future__ import annotations

import os

import pytest


def test_every_data_set_of_every_split(tool):
    target, pairs = dict(type='A', pipeline=[1]), dict(type='B')
    config = dict(
        train_dataloader=dict(dataset=dict(
            type='RepeatDataset', times=2, dataset=dict(
                type='XasCombinedDataset', datasets=[target, pairs],
                pipeline=[2, 3]))),
        val_dataloader=dict(dataset=dict(type='A', pipeline=[4])),
        test_dataloader=dict(dataset=dict(type='A', pipeline=[4])),
        custom_imports=dict(imports='mine'))
    read = tool('checking.sources').read_sources
    sources = read(config)
    assert [s.name for s in sources] == ['train/0', 'train/1', 'val', 'test']
    assert [s.config['pipeline'] for s in sources] == [
        [1, 2, 3], [2, 3], [4], [4]]
    assert [s.same_as for s in sources] == [None, None, None, 'val']
    assert {s.imports for s in sources} == {('mine', )}
    assert [s.name for s in read(config, ['test'])] == ['test']
    with pytest.raises(ValueError, match='none of val_dataloader'):
        read(dict(val_dataloader=None), ['val'])


def test_missing_files_do_not_keep_a_data_set_from_being_built(
        tool, fake_h36m):
    source = tool('checking.sources').Source(
        'val', dict(type='XasHuman36mDataset', **fake_h36m.options))
    next((fake_h36m.root / 'images/S11').rglob('*.jpg')).unlink()
    assert len(source.build()) == 6
    assert source.files == [
        str(fake_h36m.root / 'annotations' / name)
        for name in ('h36m_train.npz', 'cameras.pkl')]


def test_records_are_kept_as_long_as_they_are_true(tool, tmp_path):
    source = tool('checking.sources').Source
    records = tool('checking.records').Records
    path = tmp_path / 'a.json'
    path.write_text('[]')
    config = dict(type='A', data_root=str(tmp_path), ann_file='a.json')
    folder = tmp_path / 'records'
    folder.mkdir()
    store = records(folder, source('train/0', config))
    for index, broken in ((0, []), (1, ['no picture']), (2, [])):
        store.append(dict(index=index, broken=broken))
    with store.path.open('a') as file:
        file.write('{"index": 3, "bro')  # killed here
    again = records(folder, source('train/0', config))
    # Somebody may have seen to the broken one.
    assert sorted(again.read()) == [0, 2]
    assert records(folder, source('val', config)).read() == {}
    assert sorted(again.read()) == [0, 2]
    os.utime(path, (1, 1))
    assert records(folder, source('train/0', config)).read() == {}
    assert again.read() == {}
