"""Beliefs of a tree's nodes, against the sum over all joint choices."""
from __future__ import annotations

import itertools

import pytest
import torch

from xas_mmpose.ops import tree_beliefs
from xas_mmpose.ops.tree_beliefs import from_the_root

#: The root is in the middle; 3 hangs below 4, which has a higher number.
PARENTS = [2, 2, 2, 4, 1]
BINS = 3


def by_enumeration(unary, pairwise, parents):
    """Return the marginals (K, D) of one sample by trying all choices."""
    nodes, bins = unary.shape
    total = torch.zeros(nodes, bins, dtype=torch.float64)
    for states in itertools.product(range(bins), repeat=nodes):
        score = sum(unary[k, s] for k, s in enumerate(states))
        score += sum(pairwise[k, states[k], states[p]]
                     for k, p in enumerate(parents) if k != p)
        for k, s in enumerate(states):
            total[k, s] += score.exp()
    return total / total.sum(1, keepdim=True)


def scores(batch=2):
    generator = torch.Generator().manual_seed(0)
    unary, pairwise = (
        torch.randn(shape, generator=generator, dtype=torch.float64) * 2
        for shape in ((batch, 5, BINS), (batch, 5, BINS, BINS)))
    return unary, pairwise


def test_beliefs_are_the_marginals_of_the_joint_distribution():
    unary, pairwise = scores()
    found = tree_beliefs(unary, pairwise, PARENTS)
    wanted = torch.stack([by_enumeration(u, p, PARENTS)
                          for u, p in zip(unary, pairwise)])
    assert (found - wanted).abs().max() < 1e-12


def test_without_ties_each_node_keeps_its_own():
    unary, pairwise = scores()
    found = tree_beliefs(unary, pairwise * 0, PARENTS)
    assert (found - unary.softmax(-1)).abs().max() < 1e-12


def test_constants_do_not_count_and_large_scores_do_not_overflow():
    unary, pairwise = (s.float() for s in scores())
    found = tree_beliefs(unary * 100 - 1e4, pairwise * 100 + 1e3, PARENTS)
    wanted = tree_beliefs(unary.double() * 100, pairwise.double() * 100,
                          PARENTS)
    assert (found - wanted).abs().max() < 2e-2  # float32's steps at 1e4
    assert (found.sum(-1) - 1).abs().max() < 1e-6


def test_gradients_pass():
    unary, pairwise = (s.requires_grad_() for s in scores(batch=1))
    assert torch.autograd.gradcheck(
        lambda u, p: tree_beliefs(u, p, PARENTS), (unary, pairwise))


def test_the_roots_own_pairwise_scores_are_not_read():
    unary, pairwise = scores()
    other = pairwise.clone()
    other[:, PARENTS.index(2, 2)] = torch.nan
    assert torch.equal(tree_beliefs(unary, other, PARENTS),
                       tree_beliefs(unary, pairwise, PARENTS))


def test_parents_come_first():
    order = from_the_root(PARENTS)
    assert sorted(order) == list(range(5))
    assert order[0] == 2
    assert all(order.index(PARENTS[k]) < order.index(k) for k in order[1:])


@pytest.mark.parametrize(('parents', 'text'), [
    ([0, 1, 0], 'one root, got 2'),
    ([1, 0], 'one root, got 0'),
    ([0, 2, 1], r'nodes \[1, 2\] never reach the root'),
])
def test_what_is_no_tree_is_refused(parents, text):
    with pytest.raises(ValueError, match=text):
        from_the_root(parents)
