"""The head's bone-length prior: what teaches it, and what it changes."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from xas_mmpose.models import MultiHypothesisHead
from xas_mmpose.skeletons import ANIMAL3D_26, HUMAN36M_18

SKELETONS = pytest.mark.parametrize('skeleton', [HUMAN36M_18, ANIMAL3D_26],
                                    ids=lambda s: s.name)


@pytest.fixture
def make_head() -> Callable[..., MultiHypothesisHead]:
    """Return what makes a head, with the same weights each time."""

    def make_head(skeleton: Any, **options: Any) -> MultiHypothesisHead:
        torch.manual_seed(0)
        head = MultiHypothesisHead(
            8, skeleton.metainfo(), dict(
                type='DepthModeVolume', input_size=(64, 64),
                heatmap_size=(16, 16, 8), window=3),
            (8, 8), (4, 4), **options)
        head.init_weights()
        return head.eval()

    return make_head


def features(num: int) -> tuple[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (300 * torch.randn(num, 8, 4, 4, generator=generator), )


def samples(skeleton: Any, domains: list[str]) -> list[PoseDataSample]:
    rng = np.random.default_rng(0)
    result = []
    for domain in domains:
        sample = PoseDataSample(metainfo=dict(domain=domain))
        shape = (1, skeleton.num_keypoints)
        sample.gt_instance_labels = InstanceData(
            keypoint_labels=torch.from_numpy(
                rng.uniform(-.5, .5, (*shape, 3)).astype(np.float32)),
            keypoint_weights=torch.full(shape, float(domain == 'synthetic')))
        result.append(sample)
    return result


@SKELETONS
def test_synthetic_truth_alone_teaches_lengths(skeleton, make_head):
    head = make_head(skeleton, bone_prior={})
    batch = samples(skeleton, ['target', 'synthetic', 'target', 'synthetic'])
    batch[0].gt_instance_labels.keypoint_labels[:] = torch.nan
    head.loss(features(4), batch)
    poses = torch.cat([batch[i].gt_instance_labels.keypoint_labels
                       for i in (1, 3)]).double()
    parents = list(skeleton.metainfo()['parent_indices'])
    bones = [k for k, p in enumerate(parents) if k != p]
    offsets = (poses - poses[:, parents])[:, bones] * torch.tensor([1, 1, 2])
    wanted = offsets.norm(dim=-1).log().mean(0)
    prior = head.bone_prior
    found = (prior.first_moment / prior.seen)[bones]
    assert len(bones) == skeleton.num_keypoints - 1
    assert (found - wanted).abs().max() < 1e-5


@SKELETONS
def test_losses_are_the_same_with_it(skeleton, make_head):
    batch = samples(skeleton, ['target', 'synthetic'])
    plain, with_it = (
        make_head(skeleton, **options).loss(features(2), batch)
        for options in ({}, dict(bone_prior={})))
    assert list(plain) == list(with_it)
    assert all(torch.equal(plain[name], with_it[name]) for name in plain)


@SKELETONS
def test_predictions_are_decoded_from_what_the_prior_makes(
        skeleton, make_head):
    head = make_head(skeleton, bone_prior=dict(weight=2.0))
    batch = [PoseDataSample() for _ in range(3)]
    assert head.predict(features(3), batch)[0].bone_weight == 0
    head.loss(features(4), samples(skeleton, ['synthetic'] * 4))
    assert head.predict(features(3), batch)[0].bone_weight == 2
    found = head.predict(features(3), batch, dict(output_depth_profiles=True))
    marginals = head.marginals(features(3))
    profiles = head.bone_prior(marginals, head.decoder)
    hypotheses, _ = head.decoder.decode_marginals(profiles)
    others, _ = head.decoder.decode_marginals(marginals)
    assert (hypotheses - others).abs().max() > 0.05
    for i, instances in enumerate(found):
        assert np.abs(instances.depth_profiles[0]
                      - profiles.z[i].detach().numpy()).max() < 1e-6
        kept = [k for k in range(skeleton.num_keypoints)
                if k != head.root_index]
        assert np.abs(instances.hypotheses[0][:, kept]
                      - hypotheses[i].detach().numpy()[:, kept]).max() < 1e-5


@SKELETONS
def test_bones_come_closer_to_their_lengths(skeleton, make_head):
    # All bones of the truth are as long as each other; those of a random
    # detector are not.
    parents = list(skeleton.metainfo()['parent_indices'])
    bones = [k for k, p in enumerate(parents) if k != p]

    def spread(head: MultiHypothesisHead) -> float:
        found = head.predict(features(6), [PoseDataSample()] * 6)
        poses = np.stack([f.hypotheses[0, 0] for f in found])
        poses = poses * [1, 1, 2]
        lengths = np.linalg.norm(poses - poses[:, parents], axis=-1)
        return float(np.log(np.maximum(lengths[:, bones], 1e-3)).std())

    head = make_head(skeleton, bone_prior=dict(weight=2.0))
    before = spread(head)
    one = torch.zeros(1, skeleton.num_keypoints, 3)
    for k in sorted(bones, key=lambda k: depth(parents, k)):
        one[0, k] = one[0, parents[k]] + torch.tensor([0.3, 0, 0])
    head.bone_prior.observe(one, torch.ones(one.shape[:2]))
    assert spread(head) < 0.95 * before


def depth(parents: list[int], k: int) -> int:
    steps = 0
    while parents[k] != k:
        k, steps = parents[k], steps + 1
    return steps
