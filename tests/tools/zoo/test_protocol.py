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

from xas_mmpose.evaluation.metrics import MultiHypothesisMPJPE

ROOT = Path(__file__).resolve().parents[3]


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
        keypoint_id2name=dict(enumerate(names)),
        flip_indices=list(range(len(names))))
    pose = np.random.default_rng(0).normal(size=(1, 1, len(names), 3))
    metric.results = [dict(
        hypotheses=pose, scores=np.ones(pose.shape[:-1]), target=pose[0] + 3,
        visible=np.ones((1, len(names))), action='Walking',
        crop_rule='mask')]
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
