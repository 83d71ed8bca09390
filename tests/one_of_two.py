"""Runs a script as one of two processes: SCRIPT RANK FOLDER.

The script finds its ``rank``, the ``folder`` that both share and ``meet``,
which makes them a process group: what comes before has no group.
"""
from __future__ import annotations

import os
import runpy
import sys
import traceback

import torch.distributed as dist


def main(script: str, rank: str, folder: str) -> None:
    """Run the script, and leave when both are done."""

    def meet() -> None:
        dist.init_process_group(
            'gloo', init_method=f'file://{folder}/meet', rank=int(rank),
            world_size=2)

    sys.path[0] = folder  # instead of the tests
    status = 1
    try:
        runpy.run_path(script, dict(rank=int(rank), folder=folder, meet=meet),
                       '__main__')
        # Who leaves first would break the other one's connection.
        if dist.is_initialized():
            dist.barrier()
        status = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    # At a common exit gloo's threads may still run, be its group destroyed
    # or not (DistributedDataParallel holds it, too), and C++ aborts then.
    os._exit(status)


if __name__ == '__main__':
    main(*sys.argv[1:])
