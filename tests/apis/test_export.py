"""ONNX files find what the models find, in batches of any size."""
from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from xas_mmpose.apis import (
    ExportableDetector,
    check_onnx,
    export_onnx,
    is_same,
    largest_deviations,
    needed_package,
    onnx_session,
    torch_outputs,
)
from xas_mmpose.apis.onnx_operators import EXAMPLE_CROPS, OnnxOperators
from xas_mmpose.models import BoneLengthPrior, PoseRanker
from xas_mmpose.models.heads.pose_ranker import best_combinations
from xas_mmpose.ops import Marginals

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')


@pytest.fixture
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (9, 3, 128, 128),
                                             dtype=np.uint8)


@pytest.fixture
def head(model: nn.Module) -> Iterator[nn.Module]:
    """Return the model's head without parts that tests put in."""
    parts = ('pose_ranker', 'bone_prior')
    before = [getattr(model.head, name) for name in parts]
    for name in parts:
        setattr(model.head, name, None)
    yield model.head
    for name, part in zip(parts, before):
        setattr(model.head, name, part)


def export_and_check(model: nn.Module, path: Path, crops: np.ndarray,
                     **options: bool) -> dict[str, float]:
    detector = ExportableDetector(model, **options)
    export_onnx(model, path, **options)
    return check_onnx(path, detector, crops)


def poses_of(model: nn.Module, crops: np.ndarray) -> list:
    """Return what MMPose's estimator predicts of crops."""
    from mmpose.structures import PoseDataSample
    samples = []
    for _ in crops:
        sample = PoseDataSample(metainfo=dict(
            input_size=(128, 128), input_center=np.array([64.0, 64.0]),
            input_scale=np.array([128.0, 128.0]),
            flip_indices=model.dataset_meta['flip_indices']))
        sample.gt_instances = dict_of_boxes()
        samples.append(sample)
    return model.test_step(dict(inputs=list(torch.from_numpy(crops)),
                                data_samples=samples))


def dict_of_boxes():
    from mmengine.structures import InstanceData
    return InstanceData(bboxes=np.zeros((1, 4)), bbox_scores=np.ones(1))


def test_the_file_predicts_what_the_estimator_predicts(model, head, crops,
                                                       tmp_path):
    export_onnx(model, tmp_path / 'a.onnx')
    found = onnx_session(tmp_path / 'a.onnx')(crops)
    for i, sample in enumerate(poses_of(model, crops)):
        expected = sample.pred_instances
        # The crop is the picture.
        np.testing.assert_allclose(
            found['keypoints'][i], expected.keypoints[0, :, :2], atol=1e-3)
        for name in ('hypotheses', 'hypotheses_3d', 'hypothesis_scores',
                     'keypoint_scores'):
            np.testing.assert_allclose(
                found[name][i], expected[name][0],
                atol=2e-2 if name == 'hypotheses_3d' else 1e-4)
    # Not all of it is trivial: some have several depths, others lack one.
    scores = found['hypothesis_scores']
    assert (scores[:, 1] > 0).any()
    assert (scores[:, 2] == 0).any()


@pytest.mark.parametrize('first', ['likeliest', 'mean'])
def test_whole_poses_are_ranked_in_the_graph(model, head, crops, tmp_path,
                                             first):
    head.pose_ranker = PoseRanker(
        head.metainfo, first=first, num_candidates=16)
    assert is_same(export_and_check(model, tmp_path / 'a.onnx', crops))


def test_a_learned_prior_counts_in_the_graph(model, head, crops, tmp_path):
    network = dict(type='GCNPoseDiscriminator', channels=8, num_blocks=1,
                   header_channels=16)
    first = {}
    for weight in (0.0, 20.0):
        torch.manual_seed(0)
        ranker = head.pose_ranker = PoseRanker(
            head.metainfo, num_candidates=16, prior_weight=weight,
            discriminator=network)
        ranker.load_prior(MODELS.build(dict(
            network, metainfo=head.metainfo)).state_dict())
        first[weight] = torch_outputs(ExportableDetector(model), crops)
    assert largest_deviations(first[0.0], first[20.0])['hypotheses_3d'] > 10
    assert is_same(export_and_check(model, tmp_path / 'a.onnx', crops))


def test_bone_lengths_count_in_the_graph(model, head, crops, tmp_path):
    prior = BoneLengthPrior(head.metainfo)
    generator = torch.Generator().manual_seed(0)
    prior.observe(torch.rand(50, 18, 3, generator=generator) - 0.5,
                  torch.ones(50, 18))
    plain = torch_outputs(ExportableDetector(model), crops)
    head.bone_prior = prior
    told = torch_outputs(ExportableDetector(model), crops)
    assert largest_deviations(plain, told)['hypotheses_3d'] > 10
    assert is_same(export_and_check(model, tmp_path / 'a.onnx', crops))


def test_flip_test_and_depth_profiles(model, head, crops, tmp_path,
                                      monkeypatch):
    # Where a network is sure of one depth, and in the mirror of another, both
    # have a half, and the last digit decides.
    monkeypatch.setattr(head.final_layer.weight, 'data',
                        head.final_layer.weight.data / 8)
    options = dict(flip_test=True, depth_profiles=True)
    deviations = export_and_check(model, tmp_path / 'a.onnx', crops,
                                  **options)
    assert is_same(deviations)
    assert deviations['depth_profiles'] < 1e-4
    found = onnx_session(tmp_path / 'a.onnx')(crops)
    assert found['depth_profiles'].shape == (9, 18, 16)
    mirrored = onnx_session(tmp_path / 'a.onnx')(
        np.ascontiguousarray(crops[..., ::-1]))
    swap = model.dataset_meta['flip_indices']
    np.testing.assert_allclose(mirrored['depth_profiles'][:, swap],
                               found['depth_profiles'], atol=1e-3)


class Decoder(nn.Module):
    """Decodes depth profiles as they are."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, profiles: Tensor) -> tuple[Tensor, ...]:
        return self.head.decode_poses(
            Marginals(profiles, profiles, profiles))[:3]


def in_onnx(module: nn.Module, values: Tensor,
            path: Path) -> tuple[list, list]:
    """Return what the ONNX file gives, and the module itself."""
    with torch.no_grad(), OnnxOperators(), pytest.warns():
        torch.onnx.export(module, (values[:EXAMPLE_CROPS], ), str(path),
                          dynamo=False, opset_version=18,
                          input_names=['crops'],
                          dynamic_axes=dict(crops={0: 'batch'}))
    found = onnx_session(path)(values.numpy())
    return list(found.values()), [v.numpy() for v in module(values)]


@pytest.fixture
def profiles() -> Tensor:
    """Return (40, 18, 16); the first six have nothing but exact ties."""
    generator = torch.Generator().manual_seed(0)
    # Few different heights: equal peaks, plateaus, and profiles of one peak.
    profiles = torch.randint(0, 3, (40, 18, 16), generator=generator).float()
    profiles[:5] = 0
    profiles[:5, :, 3] = 1
    profiles[2:5, :, 11] = 1
    profiles[5] = 1
    return profiles / profiles.sum(-1, keepdim=True).clamp_min(1)


def test_ties_and_missing_modes_are_decided_alike(head, profiles, tmp_path):
    found, expected = in_onnx(Decoder(head), profiles,
                              tmp_path / 'a.onnx')
    for ours, theirs in zip(expected, found):
        # A tie that is broken another way is a bin off, 1 / 16.
        np.testing.assert_allclose(theirs, ours, atol=1e-5)
    assert (expected[1][:2, 1, 1:] == 0).all()
    assert (expected[1][3, 1] > 0).all()


@pytest.mark.parametrize('first', ['likeliest', 'mean'])
def test_ties_of_whole_poses_are_decided_alike(head, profiles, tmp_path,
                                               first):
    head.pose_ranker = PoseRanker(head.metainfo, first=first, num_poses=9)
    # Sums of different logarithms that should be equal differ in their last
    # digit, from one library to the next: other heights have no equals.
    profiles[6:] = torch.rand(34, 18, 16,
                              generator=torch.Generator().manual_seed(0))
    profiles[6:] /= profiles[6:].sum(-1, keepdim=True)
    found, expected = in_onnx(Decoder(head), profiles,
                              tmp_path / 'a.onnx')
    for ours, theirs in zip(expected, found):
        np.testing.assert_allclose(theirs, ours, atol=1e-5)
    # All nine are there, and equal.
    probability = expected[1][2:5, 1 if first == 'mean' else 0:, 0]
    assert (probability == probability.max()).all()
    assert len(np.unique(expected[0][2], axis=0)) == 9


class Combinations(nn.Module):
    """The likeliest combinations of modes."""

    def forward(self, log_mass: Tensor) -> tuple[Tensor, Tensor]:
        return best_combinations(log_mass, 64)


def test_equal_combinations_have_one_order(tmp_path):
    # Sums of whole numbers are exact.
    log_mass = -torch.randint(
        0, 3, (7, 18, 3), generator=torch.Generator().manual_seed(0)).double()
    log_mass[:, 4, 1:] = -torch.inf
    found, expected = in_onnx(Combinations(), log_mass, tmp_path / 'a.onnx')
    for ours, theirs in zip(expected, found):
        np.testing.assert_array_equal(theirs, ours)


def test_the_file_explains_itself(model, head, tmp_path):
    torch.save(dict(meta=dict(training_data_licence='CC0-1.0')),
               tmp_path / 'fake.pth')
    path = export_onnx(model, tmp_path / 'a.onnx', opset=17,
                       checkpoint=tmp_path / 'fake.pth')
    graph = onnx.load(str(path))
    entries = {entry.key: entry.value for entry in graph.metadata_props}
    assert entries['checkpoint'] == 'fake.pth'
    assert entries['checkpoint_sha256'] == hashlib.sha256(
        (tmp_path / 'fake.pth').read_bytes()).hexdigest()
    assert entries['training_data_licence'] == 'CC0-1.0'
    assert entries['config'] == 'xas_mini.py'
    assert json.loads(entries['keypoint_names'])[1] == 'right_hip'
    assert json.loads(entries['units'])['hypotheses_3d'] == 'mm'
    assert json.loads(entries['input_size']) == [128, 128]
    assert json.loads(entries['cube_size']) == 2000.0
    assert json.loads(entries['padding']) == 1.25
    assert json.loads(entries['background_removed']) is True
    assert 'camera axes' in entries['frame']
    assert graph.opset_import[0].version == 17
    shapes = {value.name: [dim.dim_param or dim.dim_value for dim in
                           value.type.tensor_type.shape.dim]
              for value in [*graph.graph.input, *graph.graph.output]}
    assert shapes['crops'] == ['batch', 3, 128, 128]
    assert all(shape[0] == 'batch' for shape in shapes.values())


def test_the_same_model_gives_the_same_file(model, head, tmp_path):
    first, second = (export_onnx(model, tmp_path / name).read_bytes()
                     for name in ('a.onnx', 'b.onnx'))
    assert first == second


def test_largest_deviations_by_hand():
    expected = dict(keypoints=np.zeros((1, 2, 2)), keypoint_scores=np.ones(2))
    found = dict(keypoints=np.array([[[3.0, 4.0], [0.0, 1.0]]]),
                 keypoint_scores=np.array([1.0, 0.75]))
    assert largest_deviations(expected, found) == dict(
        keypoints=5.0, keypoint_scores=0.25)
    with pytest.raises(ValueError, match='keypoint_scores is'):
        largest_deviations(expected, dict(found, keypoint_scores=np.ones(3)))
    assert is_same(dict(keypoints=0.01, hypotheses_3d=0.1))
    assert not is_same(dict(keypoints=0.011, hypotheses_3d=0.1))
    assert not is_same(dict(keypoints=0.01, hypotheses_3d=float('nan')))


def test_what_cannot_be_exported_is_named(model, head, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match='opset is 17 or higher, got 16'):
        export_onnx(model, tmp_path / 'a.onnx', opset=16)
    features = model.extract_feat
    with monkeypatch.context() as patch:
        patch.setattr(model, 'extract_feat', lambda pixels: [
            f + torch.linalg.svdvals(pixels).sum() for f in features(pixels)])
        with pytest.raises(ValueError, match='ResNet and its head cannot be '
                           r'exported: .*svd.* is not supported$'):
            export_onnx(model, tmp_path / 'a.onnx')
    preprocessor = model.data_preprocessor
    monkeypatch.setattr(preprocessor, 'pad_size_divisor', 96)
    with pytest.raises(ValueError, match='pad_size_divisor=96'):
        export_onnx(model, tmp_path / 'a.onnx')
    monkeypatch.setattr(preprocessor, '_enable_normalize', False)
    with pytest.raises(ValueError, match='give it mean and std'):
        export_onnx(model, tmp_path / 'a.onnx')
    monkeypatch.setitem(model._modules, 'head', nn.Identity())
    with pytest.raises(ValueError, match='the config has a Identity'):
        export_onnx(model, tmp_path / 'a.onnx')
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ImportError, match=r'needs onnxruntime .*pip install'):
        needed_package('onnxruntime')


class Windows(nn.Module):
    """Has its number of crops, and the size of its map, in Python."""

    def forward(self, crops: Tensor) -> Tensor:
        size = int(crops.shape[0])
        halved = F.interpolate(crops, size=crops.size()[-2:])
        wanted = F.max_pool2d(crops, 2).size()[-2:]
        pooled = F.adaptive_avg_pool2d(halved, wanted)
        return (pooled.view(size, 3, 2, 2, -1).transpose(2, 3),
                pooled.reshape(size * 3, -1))


def test_a_number_of_crops_that_python_computed_is_open(tmp_path):
    crops = torch.rand(7, 3, 4, 8, generator=torch.Generator().manual_seed(0))
    found, expected = in_onnx(Windows(), crops, tmp_path / 'a.onnx')
    for ours, theirs in zip(expected, found):
        np.testing.assert_allclose(theirs, ours, atol=1e-6)


def test_substitutes_are_the_functions_that_they_stand_for():
    values = torch.randint(0, 4, (5, 9, 7),
                           generator=torch.Generator().manual_seed(0))
    calls = (
        lambda v: v.cummax(-1).values, lambda v: v.cummin(1).values,
        lambda v: v.sort(-1).values,
        lambda v: v.double().sort(dim=1, descending=True).values,
        lambda v: torch.cat([v, v.new_zeros(5, 0, 7), v], 1),
        lambda v: v[torch.arange(5)[:, None], v[:, :, 0]],
        lambda v: v[:, torch.arange(3)],
        lambda v: v.view(-1, 63), lambda v: v.view(315),
        lambda v: v.reshape((5, 7, -1)), lambda v: v.view(9, 5, 7),
        lambda v: F.adaptive_avg_pool2d(v.double()[:, None], (3, 7)),
        lambda v: F.adaptive_avg_pool2d(v.double()[:, None], 1),
        lambda v: F.adaptive_avg_pool2d(v.double()[:, None], (4, 7)))
    for call in calls:
        with OnnxOperators():
            found = call(values)
        assert torch.equal(found, call(values))
