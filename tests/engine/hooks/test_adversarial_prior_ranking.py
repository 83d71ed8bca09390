"""The discriminator in the ranker of whole poses, from training to test."""
from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.runner import Runner, load_checkpoint
from mmengine.structures import InstanceData, PixelData
from mmpose.models.builder import build_pose_estimator
from mmpose.structures import PoseDataSample

from xas_mmpose.models import GCNPoseDiscriminator
from xas_mmpose.skeletons import HUMAN36M_18

METAINFO = HUMAN36M_18.metainfo()
SMALL = dict(type='GCNPoseDiscriminator', channels=8, header_channels=16)
#: A prior that weighs so much leaves mass no say.
RANKER = dict(num_poses=4, prior_weight=1e7, discriminator=SMALL)
#: mmengine wants every run of a process to have a name of its own.
RUNS = itertools.count()


class Poses(BaseMetric):
    """Keeps what was predicted at each evaluation."""

    def __init__(self) -> None:
        super().__init__(prefix='poses')
        self.seen: list[np.ndarray] = []

    def process(self, data_batch: Any, data_samples: list[dict]) -> None:
        self.results += [s['pred_instances']['hypotheses']
                         for s in data_samples]

    def compute_metrics(self, results: list) -> dict[str, float]:
        self.seen.append(np.concatenate(results))
        return dict(count=float(len(results)))


def dataset() -> list[dict]:
    rng = np.random.default_rng(5)
    data = []
    for i in range(4):
        domain = ('target', 'synthetic')[i % 2]
        sample = PoseDataSample(metainfo=dict(
            domain=domain, input_size=(64, 64),
            input_center=np.array([32.0, 32]),
            input_scale=np.array([64.0, 64])))
        sample.gt_instance_labels = InstanceData(
            keypoint_labels=torch.from_numpy(
                rng.uniform(-.4, .4, (1, 18, 3)).astype(np.float32)),
            keypoint_weights=torch.full((1, 18),
                                        float(domain == 'synthetic')))
        sample.gt_fields = PixelData(masks=torch.zeros(
            1, 64, 64, dtype=torch.uint8))
        sample.gt_instances = InstanceData(
            bboxes=np.array([[0.0, 0, 64, 64]]),
            bbox_scores=np.ones(1, np.float32))
        data.append(dict(data_samples=sample, inputs=torch.from_numpy(
            rng.integers(0, 256, (3, 64, 64), dtype=np.uint8))))
    return data


def model_cfg(ranker: dict | None, prior_weight: float = 1.0) -> dict:
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor',
                               mean=[0, 0, 0], std=[255, 255, 255]),
        backbone=dict(type='ResNet', depth=18, base_channels=8,
                      stem_channels=8, init_cfg=None),
        head=dict(
            type='MultiHypothesisHead', in_channels=64, metainfo=METAINFO,
            deconv_out_channels=(8, 8, 8), deconv_kernel_sizes=(4, 4, 4),
            decoder=dict(type='DepthModeVolume', input_size=(64, 64),
                         heatmap_size=(16, 16, 8), window=3),
            loss_prior=dict(type='PriorGeneratorLoss',
                            loss_weight=prior_weight),
            pose_ranker=ranker))


def make_runner(work_dir: Path, ranker: dict | None, hook: bool = True,
                loss_weight: float = 1.0, metric: Poses | None = None,
                extra: tuple[dict, ...] = (), **kwargs: Any) -> Runner:
    def loader(batch_size: int) -> dict:
        return dict(
            dataset=dataset(), batch_size=batch_size, num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate'))

    hooks = [dict(type='AdversarialPriorHook', discriminator=SMALL,
                  optimizer=dict(type='Adam', lr=1e-2))] if hook else []
    evaluator = Evaluator([metric or Poses()])
    return Runner(
        model=model_cfg(ranker, loss_weight), work_dir=str(work_dir),
        train_dataloader=loader(2),
        train_cfg=dict(by_epoch=True, max_epochs=1, val_interval=1),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3)),
        val_dataloader=loader(4), val_cfg=dict(), val_evaluator=evaluator,
        test_dataloader=loader(4), test_cfg=dict(),
        test_evaluator=evaluator, custom_hooks=[*hooks, *extra],
        default_hooks=dict(logger=None), default_scope='mmpose',
        log_level='ERROR', randomness=dict(seed=0),
        experiment_name=f'ranking_{next(RUNS)}', **kwargs)


def predict(model: torch.nn.Module) -> np.ndarray:
    batch = dataset()
    with torch.no_grad():
        result = model.eval().test_step(dict(
            inputs=[d['inputs'] for d in batch],
            data_samples=[d['data_samples'] for d in batch]))
    return np.concatenate([s.pred_instances.hypotheses for s in result])


def trained(work_dir: Path, *args: Any, **kwargs: Any) -> dict:
    make_runner(work_dir, *args, **kwargs).train()
    return torch.load(work_dir / 'epoch_1.pth', weights_only=False)


@pytest.mark.parametrize('extra', [
    (), (dict(type='EMAHook'), ),
    (dict(type='EMAHook', momentum=0.1, update_buffers=True), )])
def test_a_checkpoint_alone_is_enough_to_rank(tmp_path: Path,
                                              extra: tuple[dict, ...]):
    metric = Poses()
    checkpoint = trained(tmp_path, RANKER, metric=metric, extra=extra)
    prior = checkpoint['adversarial_prior']
    assert prior['steps'] == 2
    state = checkpoint['state_dict']
    name = 'head.pose_ranker.discriminator.'
    assert state['head.pose_ranker.has_prior'] == 1
    assert {k.removeprefix(name) for k in state if name in k} == set(
        prior['discriminator'])
    # Also where weights are averaged: there is one discriminator.
    for key, tensor in prior['discriminator'].items():
        assert torch.equal(state[name + key], tensor), key
    # The optimizer knows as many tensors as without a ranker.
    plain = build_pose_estimator(model_cfg(None))
    assert len(checkpoint['optimizer']['param_groups'][0]['params']) == len(
        list(plain.parameters()))
    # No hook, no training: MMPose's init_model does no more than this.
    model = build_pose_estimator(model_cfg(RANKER))
    load_checkpoint(model, str(tmp_path / 'epoch_1.pth'), strict=True)
    got = predict(model)
    assert got.shape == (4, 4, 18, 3)
    np.testing.assert_array_equal(got, metric.seen[0])
    # The prior has had a say, and it was this one.
    by_mass = build_pose_estimator(model_cfg(dict(RANKER, prior_weight=0)))
    load_checkpoint(by_mass, str(tmp_path / 'epoch_1.pth'), strict=True)
    assert not np.array_equal(predict(by_mass), got)
    judge = GCNPoseDiscriminator(METAINFO, **{
        k: v for k, v in SMALL.items() if k != 'type'})
    judge.load_state_dict({key: state[name + key]
                           for key in prior['discriminator']})
    metric_poses = torch.from_numpy(got - got[:, :1, :1]).float()
    metric_poses = metric_poses * torch.tensor([1.0, 1, 2])
    logits = judge.score(metric_poses)
    assert (logits.diff(dim=1) < 1e-6).all()
    assert (logits[:, -1] < logits[:, 0] - 1e-4).all()


def test_ranking_changes_no_training(tmp_path: Path):
    ranked = trained(tmp_path / 'ranked', RANKER)
    plain = trained(tmp_path / 'plain', None)
    for key, tensor in plain['state_dict'].items():
        assert torch.equal(ranked['state_dict'][key], tensor), key
    for key, tensor in plain['adversarial_prior']['discriminator'].items():
        assert torch.equal(
            ranked['adversarial_prior']['discriminator'][key], tensor), key


def test_checkpoints_of_before_load(tmp_path: Path):
    checkpoint = trained(tmp_path, None)
    path = str(tmp_path / 'epoch_1.pth')
    # The hook finds the discriminator; nothing else does.
    metric = Poses()
    make_runner(tmp_path / 'test', RANKER, metric=metric,
                load_from=path).test()
    model = build_pose_estimator(model_cfg(RANKER))
    load_checkpoint(model, path)
    with pytest.raises(ValueError, match=r'pose_ranker\.prior_weight=0'):
        predict(model)
    model.head.pose_ranker.load_prior(
        checkpoint['adversarial_prior']['discriminator'])
    np.testing.assert_array_equal(metric.seen[0], predict(model))
    with pytest.raises(ValueError, match='the checkpoint holds none'):
        make_runner(tmp_path / 'none', RANKER, hook=False,
                    load_from=path).test()
    # Converted weights count no steps.
    del checkpoint['adversarial_prior']['steps']
    torch.save(checkpoint, path)
    make_runner(tmp_path / 'again', RANKER, metric=metric,
                load_from=path).test()
    np.testing.assert_array_equal(metric.seen[0], metric.seen[1])
    # Averaged weights are tested with it, too.
    make_runner(tmp_path / 'average', RANKER, metric=metric, load_from=path,
                extra=(dict(type='EMAHook', update_buffers=True), )).test()
    np.testing.assert_array_equal(metric.seen[0], metric.seen[2])


def test_until_the_prior_has_learned_mass_alone_counts(tmp_path: Path):
    metrics = Poses(), Poses()
    checkpoint = trained(tmp_path / 'resting', RANKER, loss_weight=0.0,
                         metric=metrics[0])
    trained(tmp_path / 'mass', dict(RANKER, prior_weight=0.0),
            loss_weight=0.0, metric=metrics[1])
    np.testing.assert_array_equal(metrics[0].seen[0], metrics[1].seen[0])
    assert checkpoint['state_dict']['head.pose_ranker.has_prior'] == 0
    # A test must not take random weights for a prior.
    for hook in (True, False):
        with pytest.raises(ValueError, match='prior_weight=0'):
            make_runner(tmp_path / f'test_{hook}', RANKER, hook=hook,
                        load_from=str(tmp_path / 'resting' / 'epoch_1.pth')
                        ).test()
    # Nor may a training whose hook starts afresh take a stranger's.
    checkpoint = trained(tmp_path / 'one', RANKER)
    del checkpoint['adversarial_prior']
    torch.save(checkpoint, tmp_path / 'published.pth')
    checkpoint = trained(tmp_path / 'two', RANKER, loss_weight=0.0,
                         load_from=str(tmp_path / 'published.pth'))
    assert checkpoint['state_dict']['head.pose_ranker.has_prior'] == 0


def test_another_discriminator_is_refused(tmp_path: Path):
    ranker = dict(RANKER, discriminator=dict(SMALL, channels=16))
    with pytest.raises(ValueError, match=r'pose_ranker\.discriminator'):
        make_runner(tmp_path, ranker).train()
