"""Which runs a table asks for, and what their keys hang on."""
from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from mmpose.registry import MODELS

from tests.tools.ablation.rows import borrow, keys, names, rewrite

ROOT = Path(__file__).resolve().parents[3]


def test_plan_shares_the_first_stage_within_a_seed(make_plan, tool):
    runs = make_plan(seeds=(0, 3))
    assert names(runs) == [
        (name, seed) for seed in (0, 3)
        for name in ('first', 'other', 'second', 'steep')]
    first, other, second, steep = runs[:4]
    assert second.start is first
    assert steep.start is first
    assert first.start is other.start is None
    assert runs[6].start is runs[4]
    assert [run.cfg.randomness.seed for run in runs] == [0] * 4 + [3] * 4
    assert len({run.folder for run in runs}) == 8
    # The last checkpoint counts: nothing is chosen on test pictures.
    assert first.cfg.val_dataloader is None
    assert 'save_best' not in first.cfg.default_hooks.checkpoint
    assert other.cfg.model.start == 5.0

    assert names(tool.plan.needed(runs, ['steep'])) == [
        ('first', 0), ('steep', 0), ('first', 3), ('steep', 3)]
    assert names(tool.plan.needed(runs, ['nothing', 'other'])) == [
        ('other', 0), ('other', 3)]


def test_keys_change_with_what_weights_depend_on(make_plan, table_file, tool,
                                                 monkeypatch):
    before = keys(make_plan())
    assert keys(make_plan()) == before
    assert len(set(before.values())) == 4
    # A changed row changes alone; what it starts from stays.
    rewrite(table_file, "'model.slope': 3.0", "'model.slope': 4.0")
    after = keys(make_plan())
    assert [n for n in before if before[n] != after[n]] == ['steep']
    # What a row is called by people does not count.
    rewrite(table_file, 'Starts at 5.', 'Five.')
    assert keys(make_plan()) == after
    # What it starts from does.
    rewrite(table_file, "text='Starts at 1.'",
            "options={'model.start': 2.0}, text=''")
    changed = keys(make_plan())
    assert [n for n in after if changed[n] != after[n]] == [
        'first', 'second', 'steep']
    # So do the data, the package and the seed: for all.
    for other in (keys(make_plan(checksum='abd')),
                  keys(make_plan(seeds=(1, ))),
                  keys(make_plan(options={'optim_wrapper.optimizer.lr':
                                          0.1}))):
        assert not set(other.values()) & set(changed.values())
    monkeypatch.setattr(tool.plan.xas_mmpose, '__version__', '99')
    assert not set(keys(make_plan()).values()) & set(changed.values())


def test_test_settings_change_the_test_alone(make_plan):
    plain, = (run for run in make_plan() if run.row.name == 'first')
    other, = (run for run in make_plan(
        options={'test_dataloader.batch_size': 1}) if run.row.name == 'first')
    assert other.key == plain.key
    assert other.test_key != plain.test_key


def test_data_may_lie_elsewhere(make_plan, tmp_path):
    before = keys(make_plan())
    moved = tmp_path / 'elsewhere'
    (tmp_path / 'data').rename(moved)
    with pytest.raises(FileNotFoundError, match='make it: make them'):
        make_plan()
    assert keys(make_plan(options={
        'train_dataloader.dataset.data_root': str(moved),
        'test_dataloader.dataset.data_root': str(moved)})) == before


def test_all_seeds_of_a_config_are_set(tool):
    cfg = Config(dict(randomness=dict(seed=0), custom_hooks=[
        dict(type='AdversarialPriorHook'), dict(type='SyncBuffersHook')]))
    seeded = tool.plan.with_seed(cfg, 7)
    assert seeded.randomness.seed == 7
    assert seeded.custom_hooks == [
        dict(type='AdversarialPriorHook', seed=7),
        dict(type='SyncBuffersHook')]
    assert cfg.randomness.seed == 0


@pytest.mark.parametrize('old, new, message', [
    ("start='first')", "start='nothing')", 'second starts from nothing'),
    ("start='first')", "start='steep')", 'second starts from steep'),
    ("text='Starts at 1.'", "txt=''", r"first has the unknown settings "
     r"\['txt'\]"),
    ("('first', 'second')", "('first', 'third')", 'third.* unknown row'),
])
def test_wrong_tables_are_named(old, new, message, table_file, tool):
    rewrite(table_file, old, new)
    with pytest.raises(ValueError, match=message):
        tool.plan.read_table(table_file)


def test_missing_table_is_named(tmp_path, tool):
    with pytest.raises(FileNotFoundError, match='no table of rows'):
        tool.plan.read_table(tmp_path / 'none.py')


@pytest.mark.parametrize('old, new', [
    ("weights='steep'", "weights='again'"),
    ("weights='steep'", "weights='nothing'"),
    ("weights='steep'", "weights='steep', start='first'"),
])
def test_weights_come_from_trained_rows(old, new, table_file, tool):
    borrow(table_file)
    rewrite(table_file, old, new)
    with pytest.raises(ValueError, match='again tests the weights of'):
        tool.plan.read_table(table_file)


def test_rows_of_xas_mini_are_what_they_say(tool, fake_h36m, fake_synthetic,
                                            monkeypatch, tmp_path):
    monkeypatch.setenv('XAS_MINI_ROOT', str(fake_h36m.root))
    monkeypatch.setenv('XAS_SYNTHETIC_ROOT', str(fake_synthetic))
    tool.plan._read_config.cache_clear()
    table = tool.plan.read_table(ROOT / 'configs/ablation/xas_mini.py')
    runs = tool.plan.plan(table.rows, [0], tmp_path, lambda folder: 'x')
    assert {row.name for row in table.rows} >= {
        'mean_pose', 'stage1_paper_loss', 'stage1',
        'stage1_single_hypothesis', 'masks', 'masks_symmetry',
        'masks_symmetry_prior', 'full', 'reference_defects'}
    assert len({run.key for run in runs}) == len(runs)
    on = {}
    for run in runs:
        MODELS.build(run.cfg.model)  # No option is unknown.
        head = run.cfg.model.head
        on[run.row.name] = [
            name.removeprefix('loss_') for name in
            ('loss_synthetic', 'loss_synthetic_likelihood',
             'loss_skeleton_mask', 'loss_physique_mask', 'loss_symmetry',
             'loss_prior')
            if name in head and head[name].get('loss_weight', 1) != 0]
        if run.row.config == 'configs/xas_mini_s2.py':
            assert run.start.row.name == 'stage1'
    labelled = ['synthetic', 'synthetic_likelihood']
    masks = [*labelled, 'skeleton_mask', 'physique_mask']
    assert on['stage1_paper_loss'] == ['synthetic']
    assert on['stage1'] == on['control'] == labelled
    assert on['masks'] == masks
    assert on['masks_symmetry'] == [*masks, 'symmetry']
    assert on['masks_symmetry_prior'] == [*masks, 'symmetry', 'prior']
    assert on['full'] == on['masks_symmetry_prior']
    assert 'prior' not in on['reference_defects']
