"""The protocol of a number is what the metric has said."""
from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger

from xas_mmpose.evaluation.metrics import (
    HypothesisDiversity,
    KeypointError2D,
    MultiHypothesisMPJPE,
    MultiHypothesisPCK3D,
    MultiViewMPJPE,
)
from xas_mmpose.skeletons import HUMAN36M_18

ROOT = Path(__file__).resolve().parents[3]
HUMAN36M_META = dict(
    dataset_name=HUMAN36M_18.name,
    keypoint_id2name=dict(enumerate(HUMAN36M_18.keypoint_names)),
    flip_indices=list(HUMAN36M_18.flip_indices))


@pytest.fixture(scope='module')
def protocol() -> Iterator[ModuleType]:
    """Return the module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / 'tools'))
        yield importlib.import_module('zoo.protocol')
        # Nothing of the tools stays importable.
        for name in [n for n in sys.modules if n.split('.')[0] == 'zoo']:
            del sys.modules[name]


@pytest.mark.parametrize('options', [
    {}, dict(left_right='per_pose', joints=14),
    dict(left_right='per_joint', joints=('root', 'thorax')),
    dict(root_rule='absolute'),
])
@pytest.mark.parametrize('beside', [True, False])
def test_metrics_tell_the_protocol(options, beside, protocol, caplog):
    """What the real metric writes is read, from either place."""
    skeleton = Config.fromfile(
        ROOT / 'configs/_base_/datasets/human36m_18.py').dataset_info
    names = [joint['name'] for joint in skeleton.keypoint_info.values()]
    metric = MultiHypothesisMPJPE(
        metrics=('MPJPE', ), report_protocol=beside,
        hypothesis_rules=('top1', 'oracle-joint'), **options)
    metric.dataset_meta = dict(
        dataset_name=skeleton.dataset_name,
        keypoint_id2name=dict(enumerate(names)),
        flip_indices=list(range(len(names))))
    pose = np.random.default_rng(0).normal(size=(1, 1, len(names), 3))
    metric.results = [dict(
        hypotheses=pose, scores=np.ones(pose.shape[:-1]), target=pose[0] + 3,
        visible=np.ones((1, len(names))), groups={}, crop_rule='mask',
        order='as predicted')]
    logger = MMLogger.get_current_instance()
    with caplog.at_level(logging.INFO, logger.name):
        logger.addHandler(caplog.handler)
        summary = metric.compute_metrics(metric.results)
        logger.removeHandler(caplog.handler)
    numbers, left_out = protocol.read_numbers(
        summary, [] if beside else caplog.messages)
    assert left_out == {}
    assert [(n.key, n.value) for n in numbers] == [
        (key, value) for key, value in summary.items()
        if not key.endswith('/protocol')]
    assert [n.rule for n in numbers] == ['top1', 'oracle-joint']
    joints = options.get('joints', 'all')
    for number in numbers:
        assert number.mean == 'frames'
        said = number.protocol
        assert (said.frames, said.unit) == (1, 'mm')
        assert said.crop == 'mask (no annotation)'
        assert said.order == 'as predicted'
        assert said.left_right == options.get('left_right', 'none')
        assert said.root.startswith(options.get('root_rule', 'centred'))
        assert said.joints == (
            ', '.join(joints) if isinstance(joints, tuple) else str(joints))


def test_a_protocol_that_could_be_either_is_none(protocol):
    line = ("Protocol: {} frames; crop rule 'root' (annotated root depth): "
            '{}; hypothesis rule top1; left/right exchange none; centred on '
            'joint 0; joints all; unit {}')
    numbers, left_out = protocol.read_numbers(
        {'MPJPE/top1': 1.}, [line.format(3, 3, 'mm'), line.format(4, 4, 'mm')])
    assert numbers == []
    assert list(left_out) == ['MPJPE/top1']
    numbers, _ = protocol.read_numbers(
        {'MPJPE/top1': 1.}, [line.format(3, 3, 'mm'), line.format(3, 3, '%')])
    assert len(numbers) == 1


def samples_of_two_views() -> list[dict]:
    """Return what all metrics read, of one instant."""
    rng = np.random.default_rng(0)
    world = rng.normal(0, 300, (18, 3))
    samples = []
    for angle in (0, np.pi / 2):
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0],
                         [-np.sin(angle), 0, np.cos(angle)]])
        hypotheses = rng.uniform(-0.4, 0.4, (1, 2, 18, 3))
        samples.append(dict(
            img_path='a.jpg', frame_id='a', action='Walking 1',
            crop_rule='mask', input_center=np.array([500.0, 500]),
            input_scale=np.array([400.0, 400]), input_size=(256, 256),
            cube_size=2000.0, camera_param=dict(
                f=np.array([1000.0, 1000]), c=np.array([500.0, 500]),
                R=turn, T=np.array([0.0, 0, 5000])),
            gt_instances=dict(
                keypoints=rng.uniform(0, 500, (1, 18, 2)),
                keypoints_visible=np.ones((1, 18)),
                keypoints_3d=(world @ turn.T + [0, 0, 5000])[None],
                keypoints_3d_visible=np.ones((1, 18)),
                head_size=np.array([60.0])),
            pred_instances=dict(
                keypoints=rng.uniform(0, 500, (1, 18, 3)),
                hypotheses=hypotheses, hypotheses_3d=1000 * hypotheses,
                hypothesis_scores=np.ones((1, 2, 18)),
                pose_ranking=dict(mass_weight=1.0, prior_weight=0.5,
                                  first='mean'))))
    return samples


@pytest.mark.parametrize('beside', [True, False])
def test_every_number_of_every_metric_has_its_rules(beside, protocol, caplog):
    metrics = [
        MultiHypothesisMPJPE(('top1', 'ranked', 'oracle'), per_action=True,
                             report_protocol=beside),
        MultiHypothesisPCK3D(report_protocol=beside),
        MultiHypothesisMPJPE(('top1', ), joints=17, prefix='own',
                             report_protocol=beside),
        KeypointError2D(('2D/px', '2D/crop', 'PCKh@0.5'), joints=14,
                        report_protocol=beside),
        HypothesisDiversity(report_protocol=beside),
        MultiViewMPJPE(report_protocol=beside),
        MultiViewMPJPE('reference', report_protocol=beside),
    ]
    summary = {}
    logger = MMLogger.get_current_instance()
    with caplog.at_level(logging.INFO, logger.name):
        logger.addHandler(caplog.handler)
        for metric in metrics:
            metric.dataset_meta = dict(HUMAN36M_META)
            metric.process(None, samples_of_two_views())
            found = metric.evaluate(2)
            assert not summary.keys() & found.keys()
            summary.update(found)
        logger.removeHandler(caplog.handler)
    numbers, left_out = protocol.read_numbers(
        summary, [] if beside else caplog.messages)
    by_key = {number.key: number for number in numbers}
    # Of the rest it is known why: actions, and means of absent ones.
    assert set(left_out.values()) == {'a table shows no single groups'}
    assert {key.rpartition('/')[2] for key in left_out} == {'Walking'}
    assert by_key.keys() | left_out.keys() == {
        key for key in summary if not key.endswith('/protocol')}
    for key, rule, root, joints, unit, frames, mean in (
            ('MPJPE/ranked', 'ranked', 'centred on joint 0', 'all', 'mm', 2,
             'frames'),
            ('N-MPJPE/top1/per-action', 'top1', 'centred on joint 0', 'all',
             'mm', 2, 'each action'),
            ('AUC/oracle', 'oracle', 'centred on joint 0', 'all', '%', 2,
             'frames'),
            ('own/P-MPJPE/top1,joints=17', 'top1', 'centred on joint 0', '17',
             'mm', 2, 'frames'),
            ('2D/px,joints=14', 'top1', 'not aligned, in the picture', '14',
             'px', 2, 'frames'),
            ('PCKh@0.5,joints=14', 'top1', 'not aligned, in the picture',
             '14', '%', 2, 'frames'),
            ('diversity', 'all', 'centred on joint 0', 'all', 'mm', 2,
             'frames'),
            ('MPJPE/top1,triangulated', 'top1',
             'centred on joint 0, triangulated from 2 views', 'all', 'mm', 1,
             'frames'),
            ('ambiguity', 'top1', 'in the picture, of 2 views',
             'with a mirror partner', 'ratio', 1, 'frames'),
            ('ambiguity,reference', 'top1', 'in the picture, of 2 views',
             'all', 'ratio', 1, 'frames'),
            ('MPJPE/oracle-joint,reference/authors-6', 'oracle-joint',
             'absolute, joint 0 at its annotated depth', 'all', 'mm', 2,
             'authors-6'),
            ('AUC/top1,reference,triangulated', 'top1',
             'absolute, joint 0 at its annotated depth, triangulated from 2 '
             'views', 'all', '%', 1, 'frames')):
        number = by_key[key]
        said = number.protocol
        assert (number.rule, said.root, said.joints, said.unit, said.frames,
                number.mean) == (rule, root, joints, unit, frames, mean), key
        assert said.crop == 'mask (no annotation)'
        assert said.order == 'whole poses by mass and prior, their mean first'
        assert said.left_right == (
            'per_joint' if 'reference' in key or 'ambiguity' in key
            else 'none')
