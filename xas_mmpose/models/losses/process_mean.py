"""What a batch is divided by when several processes share it."""
from __future__ import annotations

from mmengine.dist import all_reduce, get_world_size
from torch import Tensor


def process_mean(count: Tensor) -> Tensor:
    """Return the mean of a number over the processes of a training.

    DDP averages gradients as if each process had an equal share of the
    batch. A sum over a process' own samples or key points, divided by the
    mean of their number over the processes, has the gradient that one
    process would find with the whole batch. All processes must ask.

    Args:
        count: How many there are here, 0-d.

    Returns:
        The mean, 0-d, without gradient; ``count`` itself where there is one
        process.
    """
    if get_world_size() == 1:
        return count
    count = count.detach().clone()
    all_reduce(count, 'mean')
    return count
