"""What the nodes of a tree believe when neighbours have told each other."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def tree_beliefs(unary: Tensor, pairwise: Tensor,
                 parents: Sequence[int]) -> Tensor:
    """Marginalise a distribution whose factors form a tree.

    Each of K nodes takes one of D states. The probability of a joint choice
    is proportional to the exponential of the sum of its ``unary`` scores and
    of the ``pairwise`` scores of every node with its parent. Exact, by
    passing messages to the root and back (sum-product, Pearl,
    "Reverend Bayes on inference engines", AAAI 1982), in O(K D^2); gradients
    pass.

    Args:
        unary: Scores of each state (B, K, D).
        pairwise: Scores (B, K, D, D) of a node's state and its parent's;
            those of the root are not read.
        parents: Each node's parent; the root is its own.

    Returns:
        Probability of each node's states (B, K, D).

    Raises:
        ValueError: If the parents are not a tree with one root.

    Example:
        >>> unary = torch.tensor([[[0.0, 0.0], [2.0, 0.0]]])
        >>> alike = torch.eye(2).expand(1, 2, 2, 2) * 9
        >>> free, tied = (tree_beliefs(unary, pairwise, [0, 0])[0, 0, 0]
        ...               for pairwise in (alike * 0, alike))
        >>> round(float(free), 2), round(float(tied), 2)
        (0.5, 0.88)
    """
    outwards = from_the_root(parents)
    root, *others = outwards
    below = list(unary.unbind(1))
    to_parent = {}
    for node in reversed(others):
        message = (below[node][:, :, None] + pairwise[:, node]).logsumexp(1)
        # Scores count up to a constant; this one keeps them small.
        to_parent[node] = message - message.amax(1, keepdim=True)
        below[parents[node]] = below[parents[node]] + to_parent[node]
    believed = {root: below[root]}
    for node in others:
        # What the parent has heard from elsewhere.
        others_say = believed[parents[node]] - to_parent[node]
        message = (others_say[:, None] + pairwise[:, node]).logsumexp(2)
        believed[node] = below[node] + (
            message - message.amax(1, keepdim=True))
    scores = [believed[node] for node in range(len(parents))]
    return torch.stack(scores, 1).softmax(-1)


def from_the_root(parents: Sequence[int]) -> list[int]:
    """Order the nodes of a tree so that each comes behind its parent.

    Args:
        parents: Each node's parent; the root is its own.

    Returns:
        The nodes.

    Raises:
        ValueError: If the parents are not a tree with one root.
    """
    order = [node for node, parent in enumerate(parents) if node == parent]
    if len(order) != 1:
        raise ValueError(f'a tree has one root, got {len(order)}: parents '
                         f'{list(parents)}')
    for node in order:
        order += [child for child, parent in enumerate(parents)
                  if parent == node != child]
    if len(order) != len(parents):
        lost = sorted(set(range(len(parents))) - set(order))
        raise ValueError(f'nodes {lost} never reach the root: parents '
                         f'{list(parents)}')
    return order
