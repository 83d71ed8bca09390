"""Error messages that a page quotes, looked for in the code."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from .pages import Block

#: What stands in a page for what differs from case to case.
GAP = '...'
_HOLE = '\0'


def texts_of_code(files: Iterable[Path]) -> list[str]:
    """Return all texts of modules and scripts of the shell.

    What f-strings and ``$variables`` fill in is a hole.
    """
    texts = []
    for file in files:
        if file.suffix == '.sh':
            texts += _texts_of_script(file.read_text(encoding='utf-8'))
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
                texts.append(_text(node))
    return [_squeezed(text) for text in texts if len(text) > 10]


def unknown_messages(blocks: Iterable[Block],
                     texts: list[str]) -> Iterator[str]:
    """Yield the messages that the code does not have.

    Messages are blocks without a language, each of one or more paragraphs
    such as ``ValueError: the mask ... is empty``. A comment ``from: NAME`` in
    front says that they are another package's.
    """
    for block in blocks:
        if block.language != 'text' or block.comment.startswith('from:'):
            continue
        for message in re.split(r'\n\s*\n', block.text.strip()):
            told = re.sub(r'^(\[setup\] error|[A-Z]\w*(Error|Warning)): ', '',
                          _squeezed(message))
            parts = told.split(GAP)
            pattern = re.compile('.+?'.join(map(re.escape, parts)))
            # Nearly all texts lack a part, which is told much faster.
            if not any(all(part in text for part in parts)
                       and pattern.search(text) for text in texts):
                yield f'{block}: no code says {told!r}'


def _texts_of_script(script: str) -> Iterator[str]:
    """Yield what a script hands to ``die``, its quoted words as one text."""
    script = re.sub(r'\\\n\s*', '', script)
    for words in re.findall(r'\bdie ((?:"[^"]*"\s*)+)', script):
        yield re.sub(r'\$\{.*?\}|\$\w+', _HOLE,
                     ' '.join(re.findall(r'"([^"]*)"', words)))


def _text(node: ast.AST) -> str:
    """Return the text of an expression."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ''
    if isinstance(node, ast.JoinedStr):
        return ''.join(_text(value) for value in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return _HOLE


def _squeezed(text: str) -> str:
    return re.sub(r'\s+', ' ', text)
