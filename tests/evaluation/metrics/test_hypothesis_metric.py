"""Options that all metrics of a chosen pose share, and their names."""
from __future__ import annotations

import logging

import numpy as np
import pytest
from mmengine.logging import MMLogger

from xas_mmpose.evaluation import MultiHypothesisMPJPE
from xas_mmpose.geometry import cameras
from xas_mmpose.skeletons import HUMAN36M_18

FLIP = list(HUMAN36M_18.flip_indices)
CAMERA = dict(f=np.array([1100.0, 1150]), c=np.array([510.0, 500]))


def _metric(**options):
    return MultiHypothesisMPJPE(('top1', ), ('MPJPE', ), **options)


def test_both_names_of_the_oracles(target, make_sample, evaluate):
    wrong = np.stack([target + np.arange(18)[:, None], target])
    metric = MultiHypothesisMPJPE(('oracle_pose', 'oracle_joint'),
                                  ('MPJPE', ))
    result = evaluate(metric, [make_sample(target, wrong)])
    assert list(result) == ['MPJPE/oracle_pose', 'MPJPE/oracle_joint']
    np.testing.assert_allclose(list(result.values()), 0, atol=1e-9)


def test_left_right_rules_are_named(target, make_sample, evaluate):
    sample = make_sample(target, (target - target[0])[None, FLIP])
    assert evaluate(_metric(), [sample])['MPJPE/top1'] > 100
    for rule in ('per_pose', 'per_joint'):
        result = evaluate(_metric(left_right=rule), [sample])
        key = f'MPJPE/top1,left-right={rule}'
        assert result == pytest.approx({key: 0}, abs=1e-9)


def test_joint_subsets_are_named(target, make_sample, evaluate):
    pred = target - target[0]
    pred[17] += [0, 0, 180]
    pred[9] += [0, 170, 0]
    sample = make_sample(target, pred[None])
    wanted = {18: 350 / 18, 17: 10, 14: 0}
    for size, error in wanted.items():
        result = evaluate(_metric(joints=size), [sample])
        assert result == pytest.approx(
            {f'MPJPE/top1,joints={size}': error}, abs=1e-9)
    result = evaluate(_metric(joints=['nose', 'head']), [sample])
    assert result == pytest.approx({'MPJPE/top1,joints=nose+head': 85})


def test_the_root_centres_even_if_it_does_not_count(target, make_sample,
                                                    evaluate):
    pred = target.copy()
    pred[0] += [0, 30, 0]
    result = evaluate(_metric(joints=14), [make_sample(target, pred[None])])
    assert result['MPJPE/top1,joints=14'] == pytest.approx(30)
    hidden = np.ones(18)
    hidden[0] = 0
    with pytest.raises(ValueError, match=r'a\.jpg: the root \(joint 0\)'):
        evaluate(_metric(joints=14),
                 [make_sample(target, pred[None], hidden)])


def test_the_oracle_looks_at_the_joints_that_count(target, make_sample,
                                                   evaluate):
    hypotheses = np.stack([target, target])
    hypotheses[0, 17] += 900
    hypotheses[1, 16] += [0, 0, 14]
    metric = MultiHypothesisMPJPE(('oracle', ), ('MPJPE', ), joints=14)
    result = evaluate(metric, [make_sample(target, hypotheses)])
    assert result['MPJPE/oracle,joints=14'] == pytest.approx(0, abs=1e-9)


def _seen(target, shift=(0, 0, 0)):
    """Return the metainfo and hypotheses of a pose moved by a shift."""
    center, scale = cameras.cube_box(target[0], **CAMERA)
    affine = cameras.crop_affine(center, scale, (256, 256))
    image = cameras.camera_to_image(target + np.array(shift), **CAMERA)
    patch = cameras.image_to_patch(image, affine, target[0, 2])
    normalised = cameras.patch_to_normalised(patch, (256, 256))
    return dict(input_center=center, input_scale=scale,
                input_size=(256, 256), cube_size=2000.0,
                camera_param=CAMERA), normalised[None]


def test_absolute_poses_keep_the_error_of_their_place(target, make_sample,
                                                      evaluate):
    meta, normalised = _seen(target, (30, 40, 0))
    sample = make_sample(target, (target - target[0])[None],
                         instances=dict(hypotheses=normalised[None]), **meta)
    assert evaluate(_metric(), [sample])['MPJPE/top1'] < 1e-9
    result = evaluate(_metric(root_rule='absolute'), [sample])
    assert result == pytest.approx({'MPJPE/top1,root=absolute': 50})
    del sample.pred_instances.hypotheses
    with pytest.raises(ValueError, match=r'no pred_instances\.hypotheses:'):
        evaluate(_metric(root_rule='absolute'), [sample])
    del meta['camera_param']
    sample = make_sample(target, (target - target[0])[None],
                         instances=dict(hypotheses=normalised[None]), **meta)
    with pytest.raises(ValueError, match=r"root_rule='absolute' needs.*"
                       "'camera_param'"):
        evaluate(_metric(root_rule='absolute'), [sample])


def test_absent_actions_are_null(target, make_sample, evaluate):
    def wrong(distance, action):
        pred = target - target[0]
        pred[1] += [0, distance * 18, 0]
        return make_sample(target, pred[None], action=action)

    six = ('Waiting', 'Posing', 'Greeting', 'Directions', 'Discussion',
           'Walking')
    samples = [wrong(10 * i, f'{name}_1') for i, name in enumerate(six)]
    metric = _metric(action_sets=('authors-6', 'h36m-15'))
    result = evaluate(metric, samples)
    assert result['MPJPE/top1/authors-6'] == pytest.approx(25)
    assert result['MPJPE/top1/h36m-15'] is None
    assert len(result) == 3
    result = evaluate(_metric(action_sets='authors-6', per_action=True),
                      samples[1:])
    assert result['MPJPE/top1/Waiting'] is None
    assert result['MPJPE/top1/Posing'] == pytest.approx(10)
    assert result['MPJPE/top1/authors-6'] is None
    # Over those that are there.
    assert result['MPJPE/top1/per-action'] == pytest.approx(30)


def test_the_protocol_is_told_on_request(target, make_sample, evaluate):
    sample = make_sample(target, (target - target[0])[None],
                         crop_rule='mask')
    metric = _metric(left_right='per_pose', joints=14, report_protocol=True)
    result = evaluate(metric, [sample, sample])
    key = 'MPJPE/top1,left-right=per_pose,joints=14'
    assert list(result) == [key, f'{key}/protocol']
    for words in ('2 frames', "'mask' (no annotation): 2",
                  'hypothesis rule top1;', 'exchange per_pose',
                  'centred on joint 0', 'joints 14', 'unit mm'):
        assert words in result[f'{key}/protocol']


def test_the_log_tells_of_absolute_poses(target, make_sample, evaluate,
                                         caplog):
    meta, normalised = _seen(target)
    sample = make_sample(target, normalised,
                         instances=dict(hypotheses=normalised[None]), **meta)
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO):
        evaluate(_metric(root_rule='absolute'), [sample])
    logger.removeHandler(caplog.handler)
    assert 'absolute, joint 0 at its annotated depth' in caplog.text


def test_bad_options_are_refused(target, make_sample):
    for options, message in (
            (dict(left_right='best'), 'left_right must be among'),
            (dict(root_rule='world'), 'root_rule must be among'),
            (dict(action_sets=('seven', )), 'action_sets must be among')):
        with pytest.raises(ValueError, match=message):
            _metric(**options)
    # Without a runner nobody knows the joints.
    sample = make_sample(target, (target - target[0])[None])
    for options in (dict(joints=14), dict(left_right='per_joint')):
        metric = _metric(**options)
        metric.process(None, [sample.to_dict()])
        with pytest.raises(ValueError, match='set dataset_meta'):
            metric.evaluate(1)


# --- the order of hypotheses ----------------------------------------------

RANKING = dict(mass_weight=1.0, prior_weight=0.5, first='likeliest')


def _ranked(make_sample, target, errors, scores, **ranking):
    """Return a sample whose poses are some mm off, and ranked."""
    poses = np.stack([target] * len(errors))
    poses[:, 1, 2] += 18 * np.asarray(errors)
    sample = make_sample(target, poses)
    sample.pred_instances.hypothesis_scores = (
        np.array(scores)[None, :, None] * np.ones((1, 1, 18)))
    sample.pred_instances.set_metainfo(
        dict(pose_ranking=dict(RANKING, **ranking)))
    return sample


def test_ranked_is_the_best_whole_pose_and_not_a_mean(target, make_sample,
                                                      evaluate):
    samples = [
        _ranked(make_sample, target, (10, 20, 0), (0.6, 0.3, 0.1)),
        _ranked(make_sample, target, (10, 20, 0), (1, 0.3, 0.1),
                first='mean'),
        # The only pose is its own mean; what repeats it is missing.
        _ranked(make_sample, target, (30, 90, 90), (1, 0, 0), first='mean'),
    ]
    metric = MultiHypothesisMPJPE(('top1', 'ranked'), ('MPJPE', ),
                                  report_protocol=True)
    result = evaluate(metric, samples)
    assert result['MPJPE/top1'] == pytest.approx((10 + 10 + 30) / 3)
    assert result['MPJPE/ranked'] == pytest.approx((10 + 20 + 30) / 3)
    assert ('hypothesis rule ranked; hypothesis order whole poses by mass '
            'and prior or whole poses by mass and prior, their mean first;'
            ) in result['MPJPE/ranked/protocol']
    alone = _ranked(make_sample, target, (60, ), (1, ), first='mean')
    assert evaluate(metric, [alone])['MPJPE/ranked'] == pytest.approx(60)


def test_ranked_needs_a_prior(target, make_sample, evaluate):
    metric = MultiHypothesisMPJPE(('ranked', ), ('MPJPE', ))
    by_mass = _ranked(make_sample, target, (1, 2), (0.6, 0.3), prior_weight=0)
    for sample in (by_mass, make_sample(target, target[None])):
        with pytest.raises(ValueError, match=r'a\.jpg.*pose_ranker with'):
            evaluate(metric, [sample])
    # top1 says what it is the first of.
    metric = _metric(report_protocol=True)
    assert 'order whole poses by mass;' in evaluate(
        metric, [by_mass])['MPJPE/top1/protocol']
    plain = make_sample(target, target[None])
    assert 'order as predicted;' in evaluate(
        metric, [plain])['MPJPE/top1/protocol']
    for weight, words in ((0.0, 'order as predicted;'),
                          (0.5, 'predicted, depths weighed by bone lengths;')):
        plain.pred_instances.set_metainfo(dict(bone_weight=weight))
        assert words in evaluate(metric, [plain])['MPJPE/top1/protocol']


def test_what_is_missing_stays_missing_on_the_other_side(target, make_sample,
                                                         evaluate):
    # Left and right are exchanged; the right knee (2) has one mode, the left
    # one (5) has two, of which the second is right.
    hypotheses = np.stack([target, target])[:, FLIP]
    hypotheses[0, 5] += [0, 0, 180]
    hypotheses[1, 2] += [0, 0, 900]
    sample = make_sample(target, hypotheses)
    sample.pred_instances.hypothesis_scores[0, 1, 2] = 0
    metric = MultiHypothesisMPJPE(('oracle-joint', ), ('MPJPE', ),
                                  left_right='per_joint')
    assert evaluate(metric, [sample]) == pytest.approx(
        {'MPJPE/oracle-joint,left-right=per_joint': 0}, abs=1e-9)


# --- groups, units, the root ----------------------------------------------


def _off(make_sample, target, distance, **meta):
    pred = target - target[0]
    pred[1] += [0, distance * 18, 0]
    return make_sample(target, pred[None], **meta)


def test_groups_by_any_key_of_the_metainfo(target, make_sample, evaluate):
    samples = [
        _off(make_sample, target, 10, category='wolf', view=0),
        _off(make_sample, target, 30, category='wolf', view=1),
        _off(make_sample, target, 50, category='wolf', view=1),
        _off(make_sample, target, 90, category='red deer', view=1),
    ]
    result = evaluate(_metric(group_by='category'), samples)
    assert result == pytest.approx({
        'MPJPE/top1': 45, 'MPJPE/top1/wolf': 30, 'MPJPE/top1/red deer': 90,
        'MPJPE/top1/per-category': 60})
    result = evaluate(_metric(group_by=('category', 'view')), samples)
    assert result['MPJPE/top1/0'] == pytest.approx(10)
    assert result['MPJPE/top1/per-view'] == pytest.approx((10 + 170 / 3) / 2)
    # The same as an action is given another way.
    samples = [_off(make_sample, target, d, action=f'Walking {d}')
               for d in (10, 20)]
    assert evaluate(_metric(group_by=['action']), samples) == evaluate(
        _metric(per_action=True), samples) == pytest.approx({
            'MPJPE/top1': 15, 'MPJPE/top1/Walking': 15,
            'MPJPE/top1/per-action': 15})


def test_groups_that_cannot_be_told_are_refused(target, make_sample,
                                                evaluate):
    with pytest.raises(ValueError, match=r'each category needs.*meta_keys'):
        evaluate(_metric(group_by='category'),
                 [_off(make_sample, target, 1)])
    sample = _off(make_sample, target, 1, category='wolf', action='wolf')
    with pytest.raises(ValueError, match=r'top1/wolf would be two numbers'):
        evaluate(_metric(group_by=('category', 'action')), [sample])


def test_the_unit_is_named_and_changes_nothing(target, make_sample, evaluate):
    sample = _off(make_sample, target, 10)
    result = evaluate(_metric(unit='model units x 1000',
                              report_protocol=True), [sample])
    assert result['MPJPE/top1'] == pytest.approx(10)
    assert result['MPJPE/top1/protocol'].endswith('unit model units x 1000')


def test_the_root_is_the_metainfos(target, make_sample):
    pred = target.copy()
    pred[0] += [0, 36, 0]
    for meta, error in (({}, 34), (dict(root_index=None), 34),
                        (dict(root_index=8), 2)):
        metric = _metric(report_protocol=True)
        metric.dataset_meta = meta
        metric.process(None, [make_sample(target, pred[None]).to_dict()])
        result = metric.evaluate(1)
        assert result['MPJPE/top1'] == pytest.approx(error)
        root = meta.get('root_index') or 0
        assert f'centred on joint {root};' in result['MPJPE/top1/protocol']


def test_an_empty_test_set_is_named():
    with pytest.raises(ValueError, match='is the test set empty'):
        _metric().evaluate(0)
