"""The bone-length prior against closed forms."""
from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from xas_mmpose.codecs import DepthModeVolume
from xas_mmpose.models import BoneLengthPrior
from xas_mmpose.ops import Marginals

#: A chain of three key points, the root in the middle of the list.
METAINFO = dict(keypoint_info={0: {}, 1: {}, 2: {}},
                parent_indices=[1, 1, 0])
BINS = 16


@pytest.fixture
def decoder():
    return DepthModeVolume(input_size=(64, 64), heatmap_size=(16, 16, BINS),
                           window=3)


@pytest.fixture
def prior():
    return BoneLengthPrior(METAINFO, weight=0.5, spread=0.3, doubt=0.0)


def one_hot(bins, size):
    return torch.nn.functional.one_hot(torch.tensor(bins), size).float()


def marginals(columns, profiles):
    """Return marginals of one sample, all in row 8."""
    x = one_hot(columns, 16)[None]
    return Marginals(x, one_hot([8] * len(columns), 16)[None],
                     torch.as_tensor(profiles).float()[None])


def profile(**masses):
    result = torch.zeros(BINS)
    for name, mass in masses.items():
        result[int(name[1:])] = mass
    return result


def chain(lengths):
    """Return poses (N, 3, 3) of two bones along x, lengths (N, 2)."""
    poses = torch.zeros(len(lengths), 3, 3)
    poses[:, 0, 0] = lengths[:, 0]
    poses[:, 2, 0] = lengths[:, 0] + lengths[:, 1]
    return poses


def teach(prior, lengths):
    poses = chain(lengths)
    prior.observe(poses, torch.ones(len(poses), 3))


def test_moments_are_those_of_log_lengths(prior):
    generator = torch.Generator().manual_seed(0)
    batches = torch.rand(300, 8, 2, generator=generator) + 0.2
    for batch in batches:
        teach(prior, batch)
    age = torch.arange(299, -1, -1.0, dtype=torch.float64)
    share = 0.01 * 0.99**age
    logs = batches.double().log()
    mean = (share[:, None] * logs.mean(1)).sum(0) / share.sum()
    square = (share[:, None] * (logs**2).mean(1)).sum(0) / share.sum()
    bones = [0, 2]
    assert prior.seen[bones].tolist() == pytest.approx(
        [1 - 0.99**300] * 2, rel=1e-4)
    assert (prior.first_moment[bones] / prior.seen[bones]
            - mean).abs().max() < 1e-5
    assert (prior.second_moment[bones] / prior.seen[bones]
            - square).abs().max() < 1e-5


def test_depth_counts_twice_in_a_length_and_unknown_ends_not_at_all(prior):
    # Normalised z has cube sides, x and y half ones.
    poses = torch.zeros(2, 3, 3)
    poses[:, 0, 2] = 0.25
    poses[0, 2] = torch.tensor([3, 4, 0.25])
    poses[1, 2] = torch.nan
    weight = torch.ones(2, 3)
    weight[1, 2] = 0
    prior.observe(poses, weight)
    assert prior.is_ready
    lengths = (prior.first_moment / prior.seen).exp()
    assert lengths[[0, 2]].tolist() == pytest.approx([0.5, 5.0], rel=1e-5)
    assert prior.seen[[0, 2]].tolist() == pytest.approx([0.01, 0.005])


def test_batches_without_poses_change_nothing(prior):
    teach(prior, torch.ones(2, 2))
    before = {k: v.clone() for k, v in prior.state_dict().items()}
    prior.observe(torch.zeros(0, 3, 3), torch.zeros(0, 3))
    prior.observe(torch.ones(2, 3, 3), torch.zeros(2, 3))
    for name, value in prior.state_dict().items():
        assert torch.equal(value, before[name])


def test_averages_of_the_buffers_keep_the_lengths(prior):
    # As an EMA does that has begun with none, and a checkpoint in halves.
    teach(prior, torch.full((4, 2), 0.7))
    other = BoneLengthPrior(METAINFO)
    for mine, theirs in zip(other.buffers(), prior.buffers()):
        mine.lerp_(theirs, 0.1)
    assert (other.first_moment / other.seen)[[0, 2]].tolist() == (
        pytest.approx([math.log(0.7)] * 2, rel=1e-5))


@pytest.mark.parametrize('doubt', [0.0, 0.1])
def test_the_posterior_of_one_bone_is_bayes(decoder, doubt):
    # Root at the depth of bin 8, key point 1 column away (an eighth) and at
    # one of two depths, 0 or 4 bins from it: 0.125 or 0.125 * sqrt(17). The
    # third is beside the root for sure.
    prior = BoneLengthPrior(
        dict(METAINFO, parent_indices=[0, 0, 0]),
        weight=0.5, spread=0.3, outlier=8.0, doubt=doubt)
    poses = torch.zeros(1, 3, 3)
    poses[:, 1, 0] = 0.125 * math.sqrt(17)
    poses[:, 2, 0] = 0.125
    prior.observe(poses, torch.ones(1, 3))
    given = marginals([8, 9, 9], torch.stack(
        [profile(d8=1.0), profile(d8=0.4, d12=0.6), profile(d8=1.0)]))
    found = prior(given, decoder).z[0]
    # The likeliest pose has the right length, so the size is known to be 1.
    off = math.log(math.sqrt(17)) / 0.3
    odds = 0.4 * math.exp(-0.5 * min(off**2 / 2, 8)) / 0.6
    wanted = (1 - doubt) / (1 + odds) + doubt * 0.6
    assert found[1, 12].item() == pytest.approx(wanted, abs=1e-4)
    assert found[0, 8].item() == pytest.approx(1, abs=1e-3)


def test_a_child_decides_where_its_parent_is(prior, decoder):
    # Key point 0 is in doubt between the front and the back, alike; its
    # child is in the front for sure, and a bone has no room to the back.
    teach(prior, torch.full((4, 2), 0.25))
    given = marginals([9, 8, 9], torch.stack(
        [profile(d5=0.5, d11=0.5), profile(d8=1.0), profile(d3=1.0)]))
    found = prior(given, decoder).z[0, 0]
    assert found[5] > 0.85
    assert found[5] + found[11] == pytest.approx(1, abs=1e-2)


def test_depth_reflected_profiles_give_reflected_beliefs(prior, decoder):
    generator = torch.Generator().manual_seed(0)
    teach(prior, torch.rand(8, 2, generator=generator) + 0.1)
    profiles = (3 * torch.randn(3, BINS, generator=generator)).softmax(-1)
    straight = prior(marginals([9, 8, 10], profiles), decoder).z
    turned = prior(marginals([9, 8, 10], profiles.flip(-1)), decoder).z
    assert (straight - turned.flip(-1)).abs().max() < 1e-5
    assert (straight[0] - profiles).abs().max() > 0.1


def test_the_size_of_the_pose_does_not_count(decoder):
    given = marginals([9, 8, 10], torch.full((3, BINS), 1 / BINS)
                      + 0.5 * one_hot([6, 8, 4], BINS))
    found = []
    for size in (1.0, 7.0):
        prior = BoneLengthPrior(METAINFO, spread=0.3, doubt=0.0)
        teach(prior, size * torch.tensor([[0.3, 0.5], [0.2, 0.6]]))
        found.append(prior(given, decoder).z)
    assert (found[0] - found[1]).abs().max() < 1e-4


def test_x_and_y_stay_and_gradients_reach_the_profiles(prior, decoder):
    teach(prior, torch.full((2, 2), 0.3))
    profiles = torch.full((3, BINS), 1 / BINS).requires_grad_()
    given = marginals([9, 8, 10], profiles)
    found = prior(given, decoder)
    assert found.x is given.x
    assert found.y is given.y
    found.z[0, 2, 3].backward()
    assert (profiles.grad.abs().sum(-1) > 0).all()


def test_without_lengths_profiles_stay_and_one_warning_tells(
        prior, decoder, monkeypatch):
    told = []
    monkeypatch.setattr(
        'xas_mmpose.models.priors.bone_length_prior.print_log',
        lambda text, *_: told.append(text))
    given = marginals([9, 8, 10], torch.full((3, BINS), 1 / BINS))
    assert prior(given, decoder) is given
    assert prior(given, decoder) is given
    assert len(told) == 1
    assert 'knows no lengths' in told[0]


def test_half_a_checkpoint_is_not_enough(prior):
    poses = torch.rand(2, 3, 3)
    prior.observe(poses, torch.tensor([[1.0, 1.0, 0.0]] * 2))
    assert not prior.is_ready
    prior.observe(poses, torch.ones(2, 3))
    assert prior.is_ready


@pytest.mark.parametrize(('options', 'text'), [
    (dict(metainfo=dict(METAINFO, parent_indices=[0, 1, 0])),
     'one root, got 2'),
    (dict(weight=0), 'weight, spread and outlier'),
    (dict(spread=-1), 'weight, spread and outlier'),
    (dict(momentum=0), 'momentum is above 0'),
    (dict(doubt=1.5), 'doubt goes from 0 to 1'),
    (dict(metainfo=dict(keypoint_info={0: {}, 1: {}}, parent_indices=[0, 0])),
     'needs two bones'),
])
def test_options_out_of_range(options, text):
    with pytest.raises(ValueError, match=text):
        MODELS.build(dict(dict(type='BoneLengthPrior', metainfo=METAINFO),
                          **options))


def test_buffers_are_single_numbers_a_key_point(prior):
    state = prior.state_dict()
    assert sorted(state) == ['first_moment', 'second_moment', 'seen']
    assert {np.prod(v.shape) for v in state.values()} == {3}


#: Poses shared unevenly; the second process has none of the last batch.
SCRIPT = """
import torch

from xas_mmpose.models import BoneLengthPrior


def learn(shares):
    prior = BoneLengthPrior(dict(keypoint_info={0: {}, 1: {}, 2: {}},
                                 parent_indices=[1, 1, 0]))
    generator = torch.Generator().manual_seed(0)
    for counts in ((5, 2), (3, 4), (2, 0)):
        poses = torch.rand(sum(counts), 3, 3, generator=generator)
        weight = (torch.rand(sum(counts), 3, generator=generator)
                  < 0.8).float()
        prior.observe(*(part.split(list(counts))[rank] if shares else part
                        for part in (poses, weight)))
    return prior.state_dict()


alone = learn(False)
meet()
together = learn(True)
for name in alone:
    assert alone[name].abs().sum() > 0
    torch.testing.assert_close(alone[name], together[name])
"""


def test_two_processes_learn_what_one_does(two_processes):
    two_processes(SCRIPT)
