"""The order of the package: a lower layer never imports a higher one."""
from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'xas_mmpose'
FILES = sorted(PACKAGE.rglob('*.py'))

#: What imports what: a part may import itself and those of lower layers.
#: compat and version stand beside the layers and are imported by __init__.
LAYERS = {
    'skeletons': 1, 'geometry': 1, 'ops': 1,
    'body_models': 2, 'render': 2,
    'codecs': 3,
    'models': 4, 'datasets': 4,
    'engine': 5, 'evaluation': 5, 'visualization': 5,
    'apis': 6,
}
#: Parts of one layer that must not know of each other.
STRANGERS = {('models', 'datasets'), ('datasets', 'models')}
#: Parts that are plain tables: nothing heavy is needed to read them.
WITHOUT_TORCH = ('skeletons',)

#: What one reads in a sitting; most files are well below.
MAX_LINES = 450


def module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def imports(path: Path, package: Path) -> Iterator[str]:
    """Yield the full name of everything that a file imports, anywhere."""
    base = module_name(path, package).split('.')
    if path.name != '__init__.py':
        base = base[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = base[:len(base) - node.level + 1] if node.level else []
            origin = '.'.join(start + ([node.module] if node.module else []))
            for alias in node.names:
                yield f'{origin}.{alias.name}'


def violations(path: Path, package: Path) -> list[str]:
    """Return what is wrong with the imports of one file of a package."""
    part = module_name(path, package).split('.')[1:2]
    part = part[0] if part else ''
    found = []
    for name in imports(path, package):
        top, *rest = name.split('.')
        if name.endswith('.*'):
            found.append(f'star import of {name}')
        if part in WITHOUT_TORCH and top in ('torch', 'torchvision'):
            found.append(f'{part} imports {top}')
        if top != package.name or part not in LAYERS:
            continue
        other = rest[0] if rest else ''
        if other in ('compat', 'version'):
            continue
        if other not in LAYERS:
            found.append(f'{part} imports {name}, which is in no layer')
        elif LAYERS[other] > LAYERS[part]:
            found.append(f'{part} (layer {LAYERS[part]}) imports {name} '
                         f'(layer {LAYERS[other]})')
        elif (part, other) in STRANGERS or (
                part in WITHOUT_TORCH and other != part):
            found.append(f'{part} imports {name}: they must not meet')
    return found


@pytest.mark.parametrize('path', FILES, ids=lambda p: module_name(p, PACKAGE))
def test_no_layer_imports_a_higher_one(path):
    assert violations(path, PACKAGE) == []


def test_every_part_has_a_layer():
    parts = {p.name for p in PACKAGE.iterdir()
             if p.is_dir() and any(p.glob('*.py'))}
    assert parts <= set(LAYERS)
    assert len(parts) >= 3
    assert {p.stem for p in PACKAGE.glob('*.py')} == {
        '__init__', 'compat', 'version'}


@pytest.mark.parametrize('path', FILES, ids=lambda p: module_name(p, PACKAGE))
def test_files_are_small_and_say_what_they_are(path):
    assert not {'utils', 'util', 'common', 'misc', 'helpers'} & {
        part.removesuffix('.py') for part in path.relative_to(PACKAGE).parts}
    assert len(path.read_text(encoding='utf-8').splitlines()) <= MAX_LINES


# The rule itself is tested on made-up files: it must not pass for want of
# seeing anything.


@pytest.mark.parametrize('file, line, message', [
    ('ops/a.py', 'from xas_mmpose.models import heads',
     'ops (layer 1) imports xas_mmpose.models.heads (layer 4)'),
    ('ops/a.py', 'from ..codecs import b', 'imports xas_mmpose.codecs.b'),
    ('ops/__init__.py', 'from ..codecs import b',
     'imports xas_mmpose.codecs.b'),
    ('models/heads/a.py', 'from ...engine.hooks import b',
     'imports xas_mmpose.engine.hooks.b'),
    ('models/heads/a.py', 'def f():\n    import xas_mmpose.apis',
     'imports xas_mmpose.apis'),
    ('models/a.py', 'from .. import datasets', 'they must not meet'),
    ('datasets/a.py', 'import xas_mmpose.models.heads',
     'they must not meet'),
    ('render/a.py', 'from xas_mmpose import codecs', 'codecs (layer 3)'),
    ('skeletons/a.py', 'import torch.nn', 'skeletons imports torch'),
    ('skeletons/a.py', 'from ..geometry import b', 'they must not meet'),
    ('apis/a.py', 'from ..ops import *', 'star import'),
    ('apis/a.py', 'import xas_mmpose', 'in no layer'),
    ('apis/a.py', 'from xas_mmpose import HEAD', 'in no layer'),
])
def test_violations_are_seen(file, line, message, tmp_path):
    path = tmp_path / 'xas_mmpose' / file
    path.parent.mkdir(parents=True)
    path.write_text(line + '\n')
    found = violations(path, tmp_path / 'xas_mmpose')
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize('file, line', [
    ('models/heads/a.py', 'from ...ops.modes import soft\nimport torch'),
    ('models/heads/a.py', 'from .b import c'),
    ('models/__init__.py', 'from . import heads\nfrom .losses import b'),
    ('engine/a.py', 'from xas_mmpose.evaluation import b'),
    ('__init__.py', 'from . import apis, compat, skeletons'),
    ('apis/a.py', 'from .. import compat\nfrom ..version import b'),
])
def test_proper_imports_pass(file, line, tmp_path):
    path = tmp_path / 'xas_mmpose' / file
    path.parent.mkdir(parents=True)
    path.write_text(line + '\n')
    assert violations(path, tmp_path / 'xas_mmpose') == []
