"""The checker of the pages: what it finds, and what it lets be."""
from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def faults(tool, tmp_path):
    """Return what finds the faults of a text."""
    def find(text: str) -> list[str]:
        page = tmp_path / 'page.md'
        page.write_text(textwrap.dedent(text))
        return [fault.removeprefix(str(page)) for fault in
                tool('check_docs').static_faults(ROOT, [page])]
    return find


@pytest.mark.parametrize('comment, found', [
    ('', True), ('<!-- run -->', False), ('<!-- run slow -->', False),
    ('<!-- config -->', False), ('<!-- not run: no GPU -->', False),
    ('<!-- not run -->', True), ('<!-- not run: -->', True),
    ('<!-- run: why -->', True), ('<!-- something -->', True)])
def test_blocks_say_whether_they_are_run(faults, comment, found):
    text = f'{comment}\n```bash\nls\n```\n'
    assert any('say in the line before' in f for f in faults(text)) == found


def test_a_block_in_a_list_loses_its_indentation(tool, tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('- a\n\n  <!-- run -->\n  ```python\n  if 1:\n'
                    '      print(2)\n  ```\n')
    block, = tool('documentation.pages').read_blocks(page)
    assert (block.line, block.mark) == (5, 'run')
    assert block.text == 'if 1:\n    print(2)\n'
    page.write_text('```bash\nls\n')
    with pytest.raises(ValueError, match='a block of code has no end'):
        tool('documentation.pages').read_blocks(page)


@pytest.mark.parametrize('command, error', [
    ('python tools/train.py configs/xas_mini.py --resume', None),
    ('python tools/train.py configs/xas_mini.py --resum-from a',
     'unrecognized arguments: --resum-from'),
    ('python tools/train.py', 'required: config'),
    ('python tools/gone.py --help', 'there is no tools/gone.py'),
    ('cd a && X=1 python tools/synthesize.py --num many | tee log',
     "invalid int value: 'many'"),
    ('python tools/make_masks.py a --out b --method magic',
     "invalid choice: 'magic'"),
    ('python tools/train.py configs/xas_mini.py --cfg-options models.head=1',
     "do you mean 'model'"),
    ('A="model.head.decoder.window=3\n   custom_hooks.9.type=1"\n'
     'python tools/train.py configs/xas_mini.py --cfg-options $A',
     'custom_hooks is a list with the numbers 0 to'),
    ('tools/dist_train.sh configs/xas_h36m.py 8 --ampp',
     'unrecognized arguments: --ampp'),
    ('GPUS=8 tools/slurm_train.sh P J configs/xas_h36m.py DIR --amp', None),
    ("sbatch --wrap 'python tools/synthesize.py --shards 1/2'",
     'unrecognized arguments: --shards'),
    ('for i in 1 2; do\n  python tools/synthesize.py --shard $i/2 \\\n'
     '      --num 4 # --what\ndone', None),
    ('make no-such-thing', 'the Makefile has no target no-such-thing'),
    ('make test TESTS=tests/ops', None)])
def test_commands_are_read_by_the_tools_themselves(faults, command, error):
    found = faults(f'<!-- run -->\n```bash\n{command}\n```\n')
    found = [f for f in found if 'there is no tests' not in f]
    if error is None:
        assert found == []
    else:
        assert error in '\n'.join(found)


def test_python_that_does_not_compile(faults):
    fault, = faults('<!-- run -->\n```python\nprint(\n```\n')
    assert "'(' was never closed" in fault


def test_links_and_paths(faults, tmp_path):
    (tmp_path / 'other.md').write_text("# One, two\n## It's `a_b`\n## One two")
    assert faults('[a](other.md#one-two) [b](other.md#one-two-1) '
                  '[c](other.md#its-a_b) [d](https://x.y/z) `xas_mini.py` '
                  '`configs/_base_/*/xas_mini.py` `configs/NAME.py` `tools/` '
                  '`configs/my_own.py` `python tools/train.py a`\n') == []
    assert faults('[a](gone.md) [b](other.md#three) `tools/gone.py` '
                  '`xas_gone.py`\n') == [
        ': there is no gone.md',
        f': {tmp_path / "other.md"} has no heading #three',
        ': there is no tools/gone.py', ': there is no configs/xas_gone.py']


def test_a_variable_by_itself_may_be_several_words(tool):
    commands = tool('documentation.commands')
    assert list(commands.commands_of(
        'A="b c"\npython a.py $A "x y" d=$A\n')) == [
            ['python', 'a.py', 'b', 'c', 'x y', 'd=b c']]


def test_messages_are_looked_for_in_the_code(tool, tmp_path):
    messages = tool('documentation.messages')
    code = tmp_path / 'code.py'
    code.write_text("def f(a, b):\n    raise ValueError(f'the box {a} is '\n"
                    "        f'empty: {b}' + ' or\\n    so')\n")
    page = tmp_path / 'page.md'
    page.write_text(
        '```text\nValueError: the box ... is empty: ... or so\n\n'
        'the box ... is full\n```\n<!-- from: torch -->\n'
        '```text\nOutOfMemoryError: CUDA\n```\n')
    blocks = tool('documentation.pages').read_blocks(page)
    fault, = messages.unknown_messages(
        blocks, messages.texts_of_code([code]))
    assert fault.endswith("page.md:2: no code says 'the box ... is full'")


def test_messages_are_looked_for_in_scripts_of_the_shell(tool, tmp_path):
    messages = tool('documentation.messages')
    script = tmp_path / 'set_up.sh'
    script.write_text('die() { echo "nothing" >&2; }\n'
                      'test -e $at || die "no Python (tried: ${NAME:-a," \\\n'
                      '    "b}). Name it:" \\\n    "XAS_PYTHON=$at"\n')
    page = tmp_path / 'page.md'
    page.write_text(
        '```text\n[setup] error: no Python (tried: ...). Name it: XAS_PYTHON='
        '\n\n[setup] error: no Ruby (tried: ...)\n```\n')
    blocks = tool('documentation.pages').read_blocks(page)
    fault, = messages.unknown_messages(
        blocks, messages.texts_of_code([script]))
    assert fault.endswith("no code says 'no Ruby (tried: ...)'")


def test_blocks_are_run_small_in_a_scratch_folder(tool, tmp_path,
                                                  monkeypatch):
    running = tool('documentation.running')
    assert running.small(
        'python tools/synthesize.py --num 20000 --image-size 320 \\\n'
        '    --out data/a\n') == (
        'python tools/synthesize.py --num 6 --image-size 96 --out data/a\n')
    monkeypatch.setenv('XAS_MINI_ROOT', 'elsewhere')
    pages = tool('documentation.pages')
    (tmp_path / '.bin').mkdir()

    def run(text: str) -> None:
        running.run_block(pages.Block(Path('a.md'), 3, 'bash', 'run', text),
                          tmp_path)

    run('test -z "${XAS_MINI_ROOT:-}" && test "$PWD" -ef '
        f'{tmp_path} && touch done')
    assert (tmp_path / 'done').exists()
    with pytest.raises(running.BlockError, match=r'a\.md:3: exit status 1'):
        run('false | true\necho on')
