"""The ranker: all combinations counted out, an independent loop, states."""
from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmpose.registry import MODELS

from xas_mmpose.models import GCNPoseDiscriminator, PoseRanker
from xas_mmpose.models.heads.pose_ranker import best_combinations
from xas_mmpose.skeletons import HUMAN36M_18

METAINFO = HUMAN36M_18.metainfo()
SMALL = dict(type='GCNPoseDiscriminator', channels=8, num_blocks=1,
             header_channels=16)


def metainfo(num_keypoints: int, root: int = 0) -> dict[str, Any]:
    return dict(root_index=root, keypoint_info={
        i: dict(name=str(i), id=i) for i in range(num_keypoints)})


def modes(batch: int, num_modes: int, num_keypoints: int, seed: int = 0
          ) -> tuple[torch.Tensor, torch.Tensor]:
    """Return random modes, of which some are missing, and their masses."""
    generator = torch.Generator().manual_seed(seed)
    shape = batch, num_modes, num_keypoints
    mass = torch.rand(shape, generator=generator)
    mass = (mass / mass.sum(1, keepdim=True)).sort(1, descending=True)[0]
    mass[:, 1:][torch.rand(mass[:, 1:].shape, generator=generator) < .3] = 0
    hypotheses = torch.rand(*shape, 3, generator=generator) - 0.5
    hypotheses[..., :2] = hypotheses[:, :1, :, :2]
    missing = (mass == 0)[..., None].expand_as(hypotheses)
    return torch.where(missing, hypotheses[:, :1], hypotheses), mass


def with_prior(ranker: PoseRanker, seed: int = 0) -> GCNPoseDiscriminator:
    """Give a ranker a prior, and return its twin with parameters."""
    torch.manual_seed(seed)
    twin = MODELS.build(dict(SMALL, metainfo=METAINFO)).eval()
    ranker.load_prior(twin.state_dict())
    return twin


# --- combinations ----------------------------------------------------------


@pytest.mark.parametrize('num', [1, 2, 7, 30, 81, 1000])
def test_the_best_combinations_are_the_best_of_all(num: int):
    _, mass = modes(5, 3, 4, seed=num)
    log_mass = mass.double().log().transpose(1, 2)
    sums, chosen = best_combinations(log_mass, num)
    assert sums.shape == (5, min(num, 81))
    for sample, got, combos in zip(log_mass.numpy(), sums.numpy(),
                                   chosen.tolist()):
        every = {c: sum(sample[k, n] for k, n in enumerate(c))
                 for c in itertools.product(range(3), repeat=4)}
        want = sorted(every.values(), reverse=True)[:num]
        np.testing.assert_allclose(got, want, rtol=1e-12)
        assert len(set(map(tuple, combos))) == len(combos)
        np.testing.assert_allclose(
            got, [every[tuple(c)] for c in combos], rtol=1e-12)


def test_equal_combinations_have_one_order():
    # (1, 0) and (0, 1) are equal; (0, 1) is likelier without its last.
    log_mass = torch.tensor([[[0., -1.], [0., -1.], [0., -5.]]])
    sums, chosen = best_combinations(log_mass, 5)
    assert sums[0].tolist() == [0, -1, -1, -2, -5]
    assert chosen[0].tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0],
                                  [1, 1, 0], [0, 0, 1]]
    # A tie at the end is cut as in the longer list.
    torch.testing.assert_close(best_combinations(log_mass, 2)[1],
                               chosen[:, :2])
    flat, order = best_combinations(torch.zeros(1, 3, 2), 8)
    assert not flat.any()
    assert order[0].tolist() == [
        list(c) for c in itertools.product(range(2), repeat=3)]


# --- ranking ---------------------------------------------------------------


def test_whole_poses_by_hand():
    # A root, a sure key point, and two in doubt.
    mass = torch.tensor([[[.6, 1, .9, .7], [.4, 0, .1, .3]]])
    depth = torch.tensor([[[0., 1, 2, 3], [7, 1, 20, 30]]])
    hypotheses = torch.stack([depth * 0, depth * 0, depth], -1)
    ranked = PoseRanker(metainfo(4), num_poses=5)(hypotheses, mass)
    assert ranked.poses[0, :, :, 2].tolist() == [
        [0, 1, 2, 3], [0, 1, 2, 30], [0, 1, 20, 3], [0, 1, 20, 30],
        [0, 1, 2, 3]]
    torch.testing.assert_close(ranked.probability[0], torch.tensor(
        [.63, .27, .07, .03, 0]))
    torch.testing.assert_close(ranked.mass[0], torch.tensor(
        [[.6, 1, .9, .7], [.6, 1, .9, .3], [.6, 1, .1, .7],
         [.6, 1, .1, .3], [0, 0, 0, 0]]))
    # Another root, which then has one place.
    ranked = PoseRanker(metainfo(4, root=3), num_poses=3)(hypotheses, mass)
    assert ranked.poses[0, :, :, 2].tolist() == [
        [0, 1, 2, 3], [7, 1, 2, 3], [0, 1, 20, 3]]
    # Weights flatten the confidence and leave the order.
    ranked = PoseRanker(metainfo(4), num_poses=4,
                        mass_weight=0.5)(hypotheses, mass)
    share = np.sqrt([.63, .27, .07, .03])
    np.testing.assert_allclose(ranked.probability[0], share / share.sum(),
                               rtol=1e-6)


@pytest.mark.parametrize('num_candidates', [8, 64])
def test_confidence_is_that_of_a_loop(num_candidates: int):
    ranker = PoseRanker(METAINFO, num_poses=6, mass_weight=0.5,
                        num_candidates=num_candidates, prior_weight=20.0,
                        discriminator=SMALL)
    twin = with_prior(ranker).double()
    hypotheses, mass = modes(3, 3, 18, seed=1)
    ranked = ranker(hypotheses, mass)
    moved = 0
    for i in range(3):
        free = [[n for n in range(3) if mass[i, n, k] > 0] if k else [0]
                for k in range(18)]
        sums = {(): 0.0}
        for k, allowed in enumerate(free):
            sums = {(*c, n): s + np.log(float(mass[i, n, k]))
                    for c, s in sums.items() for n in allowed}
            sums = dict(sorted(sums.items(), key=lambda x: -x[1])
                        [:num_candidates])
        rows = []
        for combo, log_mass in sums.items():
            pose = hypotheses[i, list(combo), range(18)].double().numpy()
            metric = (pose - pose[0]) * [1, 1, 2]
            logit = float(twin(torch.from_numpy(metric)[None]).detach())
            rows.append((0.5 * log_mass + 20 * logit, pose))
        moved += int(np.argmax([r[0] for r in rows]) != 0)
        share = np.exp([r[0] for r in rows] - max(r[0] for r in rows))
        rows.sort(key=lambda r: -r[0])
        np.testing.assert_array_equal(ranked.poses[i],
                                      np.stack([r[1] for r in rows[:6]]))
        np.testing.assert_allclose(
            ranked.probability[i], np.sort(share)[::-1][:6] / share.sum(),
            rtol=1e-3)
    assert moved  # the prior has a say


def test_too_few_modes_and_unlikely_ones():
    hypotheses, mass = modes(2, 3, 18)
    mass[0, 1:] = 0
    mass[1, 1:] = 0
    mass[1, 1, 4] = 1e-38
    ranker = PoseRanker(METAINFO, mass_weight=5.0)
    ranked = ranker(hypotheses, mass)
    assert ranked.poses.shape == (2, 3, 18, 3)
    assert (ranked.probability > 0).tolist() == [[True, False, False],
                                                 [True, True, False]]
    torch.testing.assert_close(ranked.poses[0],
                               hypotheses[0, :1].expand(3, -1, -1))
    assert torch.equal(ranked.poses[1, 1, 4], hypotheses[1, 1, 4])
    assert torch.equal(ranked.mass[0, 0], mass[0, 0])
    assert not ranked.mass[0, 1].any()
    # One mode a key point: fewer combinations than poses are asked for.
    single = PoseRanker(METAINFO, num_poses=3)(hypotheses[:, :1],
                                               mass[:, :1])
    assert single.poses.shape == (2, 3, 18, 3)
    assert single.probability.tolist() == [[1, 0, 0]] * 2


def test_the_mean_pose_stands_for_all_candidates():
    hypotheses, mass = modes(4, 3, 4)
    mass[3, 1:] = 0
    options = dict(num_poses=4, num_candidates=100)
    plain = PoseRanker(metainfo(4), **options)(hypotheses, mass)
    mean = PoseRanker(metainfo(4), first='mean', **options)(hypotheses, mass)
    # With all combinations that is the mean of each key point alone.
    share = mass / mass.sum(1, keepdim=True)
    want = (hypotheses * share[..., None]).sum(1)
    want[:, 0] = hypotheses[:, 0, 0]
    torch.testing.assert_close(mean.poses[:, 0], want)
    np.testing.assert_array_equal(mean.probability[:, 0], 1)
    want = (mass * share).sum(1)
    want[:, 0] = mass[:, 0, 0]
    torch.testing.assert_close(mean.mass[:, 0], want)
    # The likeliest follow, unless there is but one.
    torch.testing.assert_close(mean.poses[:3, 1:], plain.poses[:3, :3])
    torch.testing.assert_close(mean.probability[:3, 1:],
                               plain.probability[:3, :3])
    assert mean.probability[3].tolist() == [1, 0, 0, 0]
    torch.testing.assert_close(mean.poses[3], plain.poses[3])


def test_a_sample_does_not_depend_on_the_others():
    ranker = PoseRanker(METAINFO, num_poses=5, prior_weight=3.0,
                        discriminator=SMALL)
    with_prior(ranker)
    hypotheses, mass = modes(6, 3, 18)
    whole = ranker(hypotheses, mass)
    for i in range(6):
        alone = ranker(hypotheses[i:i + 1], mass[i:i + 1])
        assert torch.equal(alone.poses[0], whole.poses[i])
        torch.testing.assert_close(alone.probability[0],
                                   whole.probability[i], rtol=1e-5, atol=0)


# --- the prior's weights ---------------------------------------------------


def test_the_discriminator_is_saved_but_never_trained():
    ranker = PoseRanker(METAINFO, prior_weight=1.0, discriminator=SMALL)
    assert list(ranker.parameters()) == []
    twin = with_prior(ranker)
    assert ({f'discriminator.{k}' for k in twin.state_dict()} | {'has_prior'}
            == set(ranker.state_dict()))
    net = torch.nn.Linear(2, 2)
    for paramwise in (None, dict(norm_decay_mult=0.0)):
        shapes = [[
            [p.shape for p in group['params']]
            for group in build_optim_wrapper(model, dict(
                optimizer=dict(type='SGD', lr=0.1, weight_decay=0.1),
                paramwise_cfg=paramwise)).param_groups
        ] for model in (torch.nn.ModuleDict(dict(net=net)),
                        torch.nn.ModuleDict(dict(net=net, ranker=ranker)))]
        assert shapes[0] == shapes[1]
    # Training mode must not drop features.
    hypotheses, mass = modes(2, 3, 18)
    before = ranker(hypotheses, mass)
    ranker.train()
    assert torch.equal(ranker(hypotheses, mass).probability,
                       before.probability)


def test_states_go_round_and_old_ones_load():
    options = dict(metainfo=METAINFO, num_poses=5, prior_weight=30.0,
                   discriminator=SMALL)
    ranker, other = PoseRanker(**options), PoseRanker(**options)
    hypotheses, mass = modes(2, 3, 18)
    with pytest.raises(ValueError, match=r'pose_ranker\.prior_weight=0'):
        other(hypotheses, mass)
    with_prior(ranker)
    want = ranker(hypotheses, mass)
    other.load_state_dict(ranker.state_dict())
    copied = copy.deepcopy(ranker)
    for again in (other, copied):
        assert torch.equal(again(hypotheses, mass).poses, want.poses)
    by_mass = PoseRanker(METAINFO, num_poses=5)
    assert not torch.equal(by_mass(hypotheses, mass).poses, want.poses)
    # A checkpoint of before knows nothing of a ranker.
    assert by_mass.state_dict() == {}
    old = PoseRanker(**options)
    old.load_state_dict({}, strict=False)
    with pytest.raises(ValueError, match='AdversarialPriorHook'):
        old(hypotheses, mass)


def test_a_prior_in_training_is_shared_and_counts_once_it_has_learned():
    ranker = PoseRanker(METAINFO, num_poses=5, prior_weight=30.0,
                        discriminator=SMALL)
    by_mass = PoseRanker(METAINFO, num_poses=5)
    hypotheses, mass = modes(2, 3, 18)
    torch.manual_seed(3)
    teacher = MODELS.build(dict(SMALL, metainfo=METAINFO))
    ranker.share_prior(teacher, trained=False)
    assert torch.equal(ranker(hypotheses, mass).poses,
                       by_mass(hypotheses, mass).poses)
    ranker.share_prior(teacher, trained=True)
    before = ranker(hypotheses, mass)
    assert not torch.equal(before.poses, by_mass(hypotheses, mass).poses)
    optimizer = torch.optim.Adam(teacher.parameters(), lr=0.1)
    poses = torch.rand(4, 18, 3, generator=torch.Generator().manual_seed(0))
    teacher(poses).square().mean().backward()
    optimizer.step()
    for name, tensor in teacher.state_dict().items():
        assert torch.equal(ranker.state_dict()[f'discriminator.{name}'],
                           tensor), name
    assert not torch.equal(before.probability,
                           ranker(hypotheses, mass).probability)
    # No gradient leaves by the ranker, whoever asks.
    teacher.zero_grad(set_to_none=True)
    hypotheses.requires_grad_()
    ranker(hypotheses, mass).probability[:, 0].sum().backward()
    assert all(p.grad is None for p in teacher.parameters())


def test_bad_input_is_named():
    for options, match in (
            (dict(num_poses=0), 'num_poses'),
            (dict(num_poses=9, num_candidates=8), 'num_candidates'),
            (dict(num_candidates=0), 'num_candidates'),
            (dict(mass_weight=-1.0), 'negative'),
            (dict(prior_weight=1.0), 'no discriminator'),
            (dict(first='best'), "'likeliest', 'mean'"),
            (dict(discriminator=dict(SMALL, norm='reference_batch')),
             'reference_batch')):
        with pytest.raises(ValueError, match=match):
            PoseRanker(METAINFO, **options)
    with pytest.raises(ValueError, match='num_candidates=2'):
        PoseRanker(METAINFO, num_candidates=2)(*modes(1, 3, 18))
    ranker = PoseRanker(METAINFO, prior_weight=1.0,
                        discriminator=dict(SMALL, channels=16))
    wrong = MODELS.build(dict(SMALL, metainfo=METAINFO))
    for give in (lambda: ranker.load_prior(wrong.state_dict()),
                 lambda: ranker.share_prior(wrong, True)):
        with pytest.raises(ValueError, match=r'pose_ranker\.discriminator'):
            give()


def test_metrics_are_told_what_has_ranked():
    ranker = PoseRanker(METAINFO, mass_weight=0.5, prior_weight=2.0,
                        discriminator=SMALL, first='mean')
    # What has learned nothing yet has no say.
    assert ranker.ranking == dict(mass_weight=0.5, prior_weight=0.0,
                                  first='mean')
    with_prior(ranker)
    assert ranker.ranking == dict(mass_weight=0.5, prior_weight=2.0,
                                  first='mean')
    assert PoseRanker(METAINFO).ranking == dict(
        mass_weight=1.0, prior_weight=0.0, first='likeliest')
