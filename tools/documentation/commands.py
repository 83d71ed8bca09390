"""The commands of a block, read as the tools themselves read them."""
from __future__ import annotations

import argparse
import contextlib
import copy
import functools
import io
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from mmengine.config import Config

from xas_mmpose.engine.config_options import merge_options

from .pages import Block

_ASSIGNMENT = re.compile(r'([A-Za-z_]\w*)=(.*)', re.S)
_SEPARATORS = set(';&|()\n')


class _ReadError(Exception):
    """The command line has been read."""


def commands_of(text: str) -> Iterator[list[str]]:
    """Yield the simple commands of a shell script, word by word.

    Variables that the script sets are replaced, and so is what ``sbatch
    --wrap`` is given. It knows as much of the shell as our pages use.
    """
    text = re.sub(r'\\\n', ' ', text)
    text = re.sub(r'(^|\s)#.*', r'\1', text)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=';&|()\n')
    lexer.whitespace, lexer.whitespace_split = ' \t', True
    lexer.commenters = ''
    variables = {'SLURM_ARRAY_TASK_ID': '1'}
    words: list[str] = []
    for word in [*lexer, '\n']:
        if set(word) <= _SEPARATORS:
            if words[:1] == ['for']:
                variables[words[1]] = words[3]
            elif words:
                yield words
                if '--wrap' in words:
                    yield from commands_of(words[words.index('--wrap') + 1])
            words = []
            continue
        # As in the shell, a variable by itself may be several words.
        several = word[0] == '$' and word[1:] in variables
        for name, value in variables.items():
            word = word.replace(f'${name}', value)
        assignment = _ASSIGNMENT.fullmatch(word)
        if assignment and words in ([], ['export']):
            variables[assignment[1]] = assignment[2]
        elif words or word not in ('do', 'then', '{'):
            words += word.split() if several else [word]


def wrong_commands(block: Block, root: Path) -> Iterator[str]:
    """Yield what the repository's tools would refuse of a block's commands.

    Each tool reads its command line with its own parser, and settings of
    ``--cfg-options`` are put into the config; nothing is run.
    """
    targets = set(re.findall(r'^([\w-]+):', (root / 'Makefile').read_text(),
                             flags=re.M))
    for words in commands_of(block.text):
        if words[0] == 'make':
            names = [w for w in words[1:] if '=' not in w]
            for name in set(names) - targets:
                yield f'{block}: the Makefile has no target {name}'
            continue
        tool, arguments = _tool_of(words)
        if tool is None:
            continue
        error = _refusal(root, tool, arguments)
        if error:
            yield f'{block}: {" ".join([tool, *arguments])}\n  {error}'


def _tool_of(words: list[str]) -> tuple[str | None, list[str]]:
    """Return the script in Python that a command runs, and its arguments."""
    if words[0] == 'python' and words[1].startswith('tools/'):
        return words[1], words[2:]
    name, _, rest = words[0].partition('_')
    if name == 'tools/dist' and rest in ('train.sh', 'test.sh'):
        less = 1 if rest == 'train.sh' else 2
        return (f'tools/{rest[:-3]}.py',
                [*words[1:1 + less], *words[2 + less:]])
    if words[0] == 'tools/slurm_train.sh':
        return 'tools/train.py', [words[3], '--work-dir', *words[4:]]
    if words[0] == 'tools/slurm_test.sh':
        return 'tools/test.py', words[3:]
    return None, []


def _refusal(root: Path, tool: str, arguments: list[str]) -> str:
    """Return why a tool refuses its arguments, or ''."""
    script = root / tool
    if not script.is_file():
        return f'there is no {tool}'
    read: list[argparse.Namespace] = []
    original = argparse.ArgumentParser.parse_args

    def parse_args(parser: argparse.ArgumentParser, args=None,
                   namespace=None) -> argparse.Namespace:
        read.append(original(parser, args, namespace))
        raise _ReadError

    errors = io.StringIO()
    with mock.patch.object(argparse.ArgumentParser, 'parse_args',
                           parse_args), \
            mock.patch.object(sys, 'argv', [str(script), *arguments]), \
            mock.patch.object(sys, 'path', [str(script.parent), *sys.path]), \
            contextlib.redirect_stderr(errors), \
            contextlib.redirect_stdout(io.StringIO()):
        try:
            runpy.run_path(str(script), run_name='__main__')
        except _ReadError:
            pass
        except SystemExit as end:
            if end.code:
                return errors.getvalue().strip().splitlines()[-1]
            return ''  # --help
    options = getattr(read[0], 'cfg_options', None)
    config = root / str(getattr(read[0], 'config', ''))
    if options and config.is_file():
        try:
            merge_options(copy.deepcopy(_read_config(config)), options)
        except ValueError as error:
            return str(error)
    return ''


@functools.lru_cache
def _read_config(path: Path) -> Config:
    """Read a config once for all commands that change some of it."""
    return Config.fromfile(path)
