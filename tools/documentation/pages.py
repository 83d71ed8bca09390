"""Pages of Markdown: their blocks of code, links, anchors and paths."""
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

#: What a comment in front of a block may say.
MARKS = ('run', 'run slow', 'config', 'not run')
#: Languages whose blocks must be marked.
LANGUAGES = ('bash', 'python')

_FENCE = re.compile(r'^ *```', re.M)
_BLOCK = re.compile(
    r'(?:^ *<!-- *(?P<comment>[^\n]*?) *--> *\n)?'
    r'^(?P<indent> *)```(?P<language>\w*) *\n(?P<code>.*?)^ *``` *$',
    re.S | re.M)
_LINK = re.compile(r'!?\[[^\]]*\]\(([^)\s]+)\)')
_CODE = re.compile(r'`([^`\n]+)`')
_FOLDERS = ('configs', 'docs', 'requirements', 'tests', 'tools', 'weights',
            'xas_mmpose')
_CONFIG = re.compile(r'xas_[\w-]+\.py')


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: Its file.
        line: Where its first line of code stands, from 1.
        language: As behind the fence, maybe empty.
        comment: What the HTML comment in the line before says, or ''.
        text: The code, without the indentation of the fence.
    """

    page: Path
    line: int
    language: str
    comment: str
    text: str

    @property
    def mark(self) -> str:
        """What is to be done with it: one of :data:`MARKS`, or ''."""
        mark, _, reason = self.comment.partition(':')
        return mark if mark in MARKS and bool(reason.strip()) == (
            mark == 'not run') else ''

    def __str__(self) -> str:
        return f'{self.page}:{self.line}'


def find_pages(root: Path) -> list[Path]:
    """Return the pages that people read, but for those that are generated."""
    pages = [*root.glob('*.md'), *root.glob('docs/*.md'),
             *root.glob('weights/*.md')]
    return sorted(p for p in pages if not p.name.startswith('ablation_'))


def read_blocks(page: Path) -> list[Block]:
    """Return the blocks of code of a page, in order."""
    text = page.read_text(encoding='utf-8')
    fences = _FENCE.findall(text)
    if len(fences) % 2:
        raise ValueError(f'{page}: a block of code has no end')
    return [
        Block(page, text.count('\n', 0, block.start('code')) + 1,
              block['language'], block['comment'] or '',
              re.sub(f'^{block["indent"]}', '', block['code'], flags=re.M))
        for block in _BLOCK.finditer(text)]


def unmarked(blocks: Sequence[Block]) -> Iterator[str]:
    """Yield the blocks of which nobody knows whether they are run."""
    for block in blocks:
        if block.language in LANGUAGES and not block.mark:
            yield (f'{block}: say in the line before whether it is run: '
                   f'<!-- run -->, <!-- run slow -->, <!-- config --> or '
                   '<!-- not run: REASON -->')
        elif block.language in ('sh', 'shell', 'console', 'py'):
            yield f'{block}: blocks are called bash or python'


def broken_links(page: Path) -> Iterator[str]:
    """Yield the links into the repository that lead nowhere."""
    for link in _LINK.findall(_prose(page)):
        if '://' in link or link.startswith('mailto:'):
            continue
        name, _, anchor = link.partition('#')
        target = page.parent / name if name else page
        if not target.exists():
            yield f'{page}: there is no {link}'
        elif anchor and anchor not in _anchors(target):
            yield f'{page}: {target} has no heading #{anchor}'


def missing_paths(page: Path, root: Path) -> Iterator[str]:
    """Yield files of the repository that a page names and that are not there.

    Only what looks like one counts: a path that begins with a folder of the
    repository, or the name of a config. Capitals, as in
    ``configs/NAME_metafile.yml``, stand for something else, and
    ``configs/my_*`` is the reader's own.
    """
    names = [word for code in _CODE.findall(_prose(page))
             for word in code.split()]
    names += [word for block in read_blocks(page)
              for word in re.split(r'[\s\'"=()]+', block.text)]
    for name in sorted(set(names)):
        name = name.rstrip('/,.:;')
        if _CONFIG.fullmatch(name):
            name = f'configs/{name}'
        if (name.partition('/')[0] in _FOLDERS and '/' in name
                and re.fullmatch(r'[\w./*-]+', name)
                and not re.search(r'/[A-Z_]+(?![a-z_])|/my_', name)
                and not any(root.glob(name))):
            yield f'{page}: there is no {name}'


def _prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _BLOCK.sub('', page.read_text(encoding='utf-8'))


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    anchors: set[str] = set()
    for heading in re.findall(r'^#+ +(.*?) *$', _prose(page), flags=re.M):
        text = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading)
        name = re.sub(r'[^\w\- ]', '', text.lower()).replace(' ', '-')
        same = sum(a == name or re.fullmatch(rf'{re.escape(name)}-\d+', a)
                   is not None for a in anchors)
        anchors.add(f'{name}-{same}' if same else name)
    return anchors
