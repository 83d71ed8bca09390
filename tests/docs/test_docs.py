"""What the pages say is so: commands, links, paths, messages, tables."""
from __future__ import annotations

import importlib
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def checker() -> Iterator[ModuleType]:
    """Return tools/check_docs.py; nothing of the tools stays importable."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / 'tools'))
        yield importlib.import_module('check_docs')
    for name, module in list(sys.modules.items()):
        if (getattr(module, '__file__', None) or '').startswith(
                f'{ROOT / "tools"}{os.sep}'):
            del sys.modules[name]


def test_nothing_is_wrong_with_the_pages(checker):
    pages = checker.find_pages(ROOT)
    assert len(pages) > 15
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        faults = list(checker.static_faults(ROOT, pages))
    assert not faults, '\n'.join(faults)


@pytest.mark.skipif(not (ROOT / '.git').exists(), reason='needs a checkout')
def test_fast_blocks_run(checker, tmp_path):
    if not list((ROOT / 'weights').glob('*.pth')):
        pytest.skip('this checkout has no weights')
    blocks = [block for page in checker.find_pages(ROOT)
              for block in checker.read_blocks(page)
              if block.mark in ('run', 'config')]
    assert len(blocks) > 10
    checker.make_scratch(ROOT, tmp_path)
    assert list(checker.run_all(blocks, tmp_path)) == []


def test_every_page_is_in_the_index():
    index = (ROOT / 'docs/README.md').read_text()
    assert [p.name for p in sorted((ROOT / 'docs').glob('*.md'))
            if p.name != 'README.md' and f'({p.name})' not in index] == []
    readme = (ROOT / 'README.md').read_text()
    assert '(docs/README.md)' in readme


def table(heading: str) -> list[list[str]]:
    text = (ROOT / 'docs/conventions.md').read_text().partition(heading)[2]
    text = text.partition('\n## ')[0]
    return [re.findall(r'`(\w+)`', row)
            for row in re.findall(r'^\| \d+ .*$', text, flags=re.M)]


@pytest.mark.filterwarnings('ignore:The metainfo config file')
def test_joint_tables():
    theirs = parse_pose_metainfo(
        dict(from_file='configs/_base_/datasets/h36m.py'))
    rows = [[name, parent] for name, parent in zip(
        HUMAN36M_18.keypoint_names, HUMAN36M_18.parents)]
    for i, name in theirs['keypoint_id2name'].items():
        rows[i].append(name)
    assert table('## People') == rows
    assert table('## Animals') == [list(pair) for pair in zip(
        ANIMAL3D_26.keypoint_names, ANIMAL3D_26.parents)]
