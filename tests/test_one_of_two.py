"""Two processes: done is done, and a failure of one is the test's."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def test_what_aborts_at_exit_does_not_matter(
        tmp_path: Path, two_processes: Callable[[str], None]):
    two_processes("""
import atexit
import os
import torch.distributed as dist

atexit.register(os.abort)
assert not dist.is_initialized()
meet()
assert dist.get_rank() == rank
open(f'{folder}/{rank}.txt', 'w').write(str(dist.get_world_size()))
print('printed', rank)
""")
    for rank in range(2):
        assert (tmp_path / f'{rank}.txt').read_text() == '2'
        assert (tmp_path / f'rank{rank}.log').read_text().endswith(
            f'printed {rank}\n')


@pytest.mark.parametrize('failing', [0, 1])
def test_failure_is_shown_and_ends_the_other(
        failing: int, two_processes: Callable[[str], None]):
    with pytest.raises(AssertionError, match='ValueError: nothing to meet'):
        two_processes(f"""
if rank == {failing}:
    raise ValueError('nothing to meet')
meet()  # waits in vain
""")
