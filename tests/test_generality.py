"""Nothing is wired to people: joints are known to tables and data alone."""
from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from xas_mmpose import skeletons

PACKAGE = Path(skeletons.__file__).resolve().parents[1]
#: Where no joint of anybody has a place. Skeletons, bodies, data sets and
#: what renders them know theirs; the rest reads the metainfo.
GENERAL = ('models', 'engine', 'ops', 'codecs', 'geometry', 'evaluation',
           'visualization')
FILES = [path for part in GENERAL
         for path in sorted((PACKAGE / part).rglob('*.py'))]

TABLES = [name for name in skeletons.__all__ if name.isupper()]
#: The numbers of people's joints, as numbers of their own.
NUMBERS = re.compile(r'(?<![\d.])1[78](?!\d|\.\d)')
#: Words of a body, without those that mean other things, too: a root, a head.
WORDS = re.compile(
    r'(?i)(?:\b|_)(hips?|knees?|ankles?|shoulders?|elbows?|wrists?|thorax|'
    r'torso|pelvis|paws?|thighs?|ears?|tail)(?:\b|_)')
#: Names that are words of prose as well: no text in the code is such a one.
NAMES = {name for table in TABLES
         for name in getattr(skeletons, table).keypoint_names
         } - {'root', 'head'}


def violations(text: str) -> list[str]:
    """Return what ties a file's text to one skeleton."""
    found = [f'line {number}: {match[0]!r}'
             for number, line in enumerate(text.splitlines(), 1)
             for match in (*NUMBERS.finditer(line), *WORDS.finditer(line))]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and node.value in NAMES:
            found.append(f'line {node.lineno}: {node.value!r}')
        if isinstance(node, ast.ImportFrom):
            found += [f'line {node.lineno}: {alias.name}'
                      for alias in node.names if alias.name in TABLES]
    return found


@pytest.mark.parametrize(
    'path', FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_joint_is_known(path: Path):
    assert violations(path.read_text(encoding='utf-8')) == []


# The rule itself is tested on made-up code.


@pytest.mark.parametrize('line', [
    'poses = torch.zeros(2, 18, 3)',
    'K = 17',
    'errors[:, 17]',
    "hips = ('left_hip', 'right_hip')",
    'def bend_left_elbow(pose): ...',
    '"""Poses (B, 18, 3)."""',
    '# the thorax stays',
    "names.index('neck')",
    "names.index('nose')",
    'from xas_mmpose.skeletons import HUMAN36M_18, remap',
    'from ..skeletons import ANIMAL3D_26',
    "tail = 'tail_base'",
])
def test_violations_are_seen(line):
    assert violations(line + '\n')


@pytest.mark.parametrize('line', [
    'head = torch.zeros(2, 180, 3)',
    'weight = 0.18',
    '"""As in arXiv 1718.04095, 2017, and 18.5 of them."""',
    "root = metainfo['root_index']",
    "crop_rule = 'root'",
    'from xas_mmpose.skeletons import flip_indices_of',
    '"""The shipped years of a neck-and-neck race."""',
])
def test_other_words_and_numbers_pass(line):
    assert violations(line + '\n') == []


def test_everything_is_looked_at():
    assert len(FILES) > 40
    assert {'HUMAN36M_18', 'ANIMAL3D_26'} <= set(TABLES)
    assert {'neck', 'nose', 'left_ear'} <= NAMES
