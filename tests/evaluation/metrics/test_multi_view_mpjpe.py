"""Triangulated errors, and the authors' evaluation by its golden."""
from __future__ import annotations

import logging

import numpy as np
import pytest
from mmengine.logging import MMLogger
from scipy.spatial.transform import Rotation

from xas_mmpose.evaluation import MultiViewMPJPE
from xas_mmpose.geometry import cameras
from xas_mmpose.skeletons import HUMAN36M_18

FLIP = list(HUMAN36M_18.flip_indices)
SIZE = (256, 256)
CENTER = np.array([500.0, 500])


@pytest.fixture
def world():
    """Return the poses (2, 18, 3) of two frames in the world, mm."""
    return np.random.default_rng(1).normal(0, 300, (2, 18, 3))


@pytest.fixture
def view(make_sample):
    """Return a function that makes the sample of a pose in one view."""

    def make(pose, angle, frame, predicted=None, scores=None, **meta):
        """Predict some poses (M, K, 3), in the world; the truth alone."""
        R = Rotation.from_euler('y', angle, degrees=True).as_matrix()
        camera = dict(f=np.array([1100.0, 1150]), c=CENTER, R=R,
                      T=np.array([[20.0], [-30], [5000]]))
        T = camera['T'][:, 0]
        target = cameras.world_to_camera(pose, R, T)
        center, scale = cameras.cube_box(target[0], camera['f'], camera['c'])
        affine = cameras.crop_affine(center, scale, SIZE)
        predicted = pose[None] if predicted is None else predicted
        image = cameras.camera_to_image(
            cameras.world_to_camera(predicted, R, T), camera['f'],
            camera['c'])
        hypotheses = cameras.patch_to_normalised(
            cameras.image_to_patch(image, affine, target[0, 2]), SIZE)
        sample = make_sample(
            target, hypotheses, camera_param=camera, input_center=center,
            input_scale=scale, input_size=SIZE, cube_size=2000.0,
            frame_id=frame, instances=dict(hypotheses=hypotheses[None]),
            **meta)
        return sample

    return make


ANGLES = (0, 85, 175, 265)


def test_truth_scores_zero_and_known_errors_what_they_are(world, view,
                                                          evaluate):
    # All views of a frame see the right wrist 36 mm off.
    wrong = world.copy()
    wrong[1, 16] += [0, 36, 0]
    samples = [view(world[i], angle, i, wrong[i:i + 1])
               for angle in ANGLES for i in range(2)]
    result = evaluate(MultiViewMPJPE(), samples)
    assert list(result) == [
        'MPJPE/top1,triangulated', 'N-MPJPE/top1,triangulated',
        'P-MPJPE/top1,triangulated', 'ambiguity']
    assert result['MPJPE/top1,triangulated'] == pytest.approx(1, abs=1e-6)
    assert result['ambiguity'] == 0
    samples = [view(world[i], angle, i) for angle in ANGLES for i in range(2)]
    np.testing.assert_allclose(
        list(evaluate(MultiViewMPJPE(), samples).values()), 0, atol=1e-6)


def test_depths_do_not_matter_to_rays(world, view, evaluate):
    # Twice as far along the ray of the one camera, and one root depth.
    samples = []
    for angle in ANGLES:
        sample = view(world[0], angle, 'a')
        sample.pred_instances.hypotheses[..., 1:, 2] += 0.1
        samples.append(sample)
    result = evaluate(MultiViewMPJPE(), samples)
    assert result['MPJPE/top1,triangulated'] == pytest.approx(0, abs=1e-6)


def test_the_rule_chooses_in_each_view(world, view, evaluate):
    bad = world[0].copy()
    bad[5] += [90, 90, 90]
    hypotheses = np.stack([bad, world[0]])
    samples = [view(world[0], angle, 0, hypotheses) for angle in ANGLES]
    metric = MultiViewMPJPE(hypothesis_rules=('top1', 'oracle'))
    result = evaluate(metric, samples)
    assert result['MPJPE/top1,triangulated'] == pytest.approx(
        90 * np.sqrt(3) / 18)
    assert result['MPJPE/oracle,triangulated'] == pytest.approx(0, abs=1e-6)


def test_ambiguity_is_what_views_disagree_about(world, view, evaluate):
    turned = world[0, FLIP][None]
    samples = [view(world[0], ANGLES[0], 0, turned)]
    samples += [view(world[0], angle, 0) for angle in ANGLES[1:]]
    result = evaluate(MultiViewMPJPE(), samples)
    assert result['ambiguity'] == pytest.approx(1 / 4)
    # The authors' counts six joints that have no partner.
    result = evaluate(MultiViewMPJPE('reference'), samples)
    assert result['ambiguity,reference'] == pytest.approx(12 / 18 / 4)
    samples[1] = view(world[0], ANGLES[1], 0, turned)
    result = evaluate(MultiViewMPJPE(), samples)
    assert result['ambiguity'] == pytest.approx(1 / 2)


def test_hidden_joints_do_not_count(world, view, evaluate):
    bad = world[0].copy()
    bad[5] += [90, 90, 90]
    samples = [view(world[0], angle, 0, bad[None]) for angle in ANGLES]
    samples[2].gt_instances.keypoints_3d_visible[0, 5] = 0
    samples[2].gt_instances.keypoints_3d[0, 5] = np.nan
    result = evaluate(MultiViewMPJPE(), samples)
    assert result['MPJPE/top1,triangulated'] == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="use protocol='standard'"):
        evaluate(MultiViewMPJPE('reference'), samples)


def test_frames_that_lack_views_are_told(world, view, evaluate, caplog):
    samples = [view(world[0], angle, 'all') for angle in ANGLES]
    bad = world[1] + np.arange(18)[:, None] * 10
    samples += [view(world[1], angle, 'half', bad[None])
                for angle in ANGLES[:2]]
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO):
        result = evaluate(MultiViewMPJPE(), samples)
    logger.removeHandler(caplog.handler)
    assert result['MPJPE/top1,triangulated'] == pytest.approx(0, abs=1e-6)
    assert '1 of 2 frames have fewer than 4 views' in caplog.text
    assert "'half'" in caplog.text
    assert ("Protocol of MPJPE/top1,triangulated N-MPJPE/top1,triangulated "
            "P-MPJPE/top1,triangulated: 1 frames; crop rule 'unknown': 1; "
            'hypothesis rule top1; hypothesis order as predicted; left/right '
            'exchange none; centred on joint 0, triangulated from 4 views; '
            'joints all; unit mm') in caplog.text
    assert ("Protocol of ambiguity: 1 frames; crop rule 'unknown': 1; "
            'hypothesis rule top1; hypothesis order as predicted; left/right '
            'exchange per_joint; in the picture, of 4 views; joints with a '
            'mirror partner; unit ratio') in caplog.text
    with pytest.raises(ValueError, match='several views of one instant'):
        evaluate(MultiViewMPJPE(), [samples[0], samples[-1]])


@pytest.mark.parametrize('mode, rule', [('best', 'oracle-joint'),
                                        ('confident', 'top1')])
def test_the_authors_numbers(goldens, make_sample, evaluate, mode, rule):
    with np.load(goldens / '09_evaluation.npz') as arrays:
        g = {key: array.astype(np.float64) if array.dtype == np.float32
             else array for key, array in arrays.items()}
    names = [str(name) for name in g['act_names']]
    samples = []
    for v, i in np.ndindex(4, 3):
        # The box that their affine maps to the patch.
        linear, offset = g['gt_affine'][v, i, :, :2], g['gt_affine'][v, i,
                                                                     :, 2]
        camera = dict(f=np.diag(g['gt_k_mat'][v, i])[:2],
                      c=g['gt_k_mat'][v, i, :2, 2], R=g['gt_R'][v, i],
                      T=g['gt_trans_world'][v, i])
        patch = cameras.normalised_to_patch(g['gt_norm_cams'][v, i], SIZE,
                                            reference_scale=True)
        target = cameras.image_to_camera(
            cameras.patch_to_image(patch, g['gt_affine'][v, i],
                                   g['gt_pelvis'][v, i, 2]),
            camera['f'], camera['c'])
        hypotheses = cameras.patch_to_normalised(
            cameras.normalised_to_patch(g['pred'][v, i], SIZE,
                                        reference_scale=True), SIZE)
        samples.append(make_sample(
            target, hypotheses, camera_param=camera,
            input_center=(np.array(SIZE) / 2 - offset) / np.diag(linear),
            input_scale=np.array(SIZE) / np.diag(linear), input_size=SIZE,
            cube_size=2000.0, frame_id=int(i),
            action=names[g['act_ids'][i] - 2],
            instances=dict(hypotheses=hypotheses[None])))
    result = evaluate(MultiViewMPJPE('reference'), samples)
    key = f'{rule},reference'
    for metric in ('MPJPE', 'N-MPJPE', 'P-MPJPE'):
        name = metric.lower()
        assert result[f'{metric}/{key}'] == pytest.approx(
            g[f'evm_{mode}_3d_{name}'].mean() / 4, abs=1e-3)
        assert result[f'{metric}/{key},triangulated'] == pytest.approx(
            g[f'evm_{mode}_tri_{name}'].mean(), abs=0.25)
        for means, subset in (('h36m-15', 'full'), ('authors-6', 'select')):
            assert result[f'{metric}/{key}/{means}'] == pytest.approx(
                g[f'ev_{mode}_{subset}_{name}'], abs=1e-3)
    for share, name in (('3DPCK@150', 'pck'), ('AUC', 'auc')):
        assert result[f'{share}/{key}'] == pytest.approx(
            g[f'evm_{mode}_3d_{name}'] / 4, rel=1e-5)
        assert result[f'{share}/{key},triangulated'] == pytest.approx(
            g[f'evm_{mode}_tri_{name}'], rel=1e-5)
    assert result[f'2D/crop/{key}'] == pytest.approx(
        100 * g[f'ev_{mode}_2d'].sum() / 12, rel=1e-5)
    assert result['ambiguity,reference'] == pytest.approx(
        g[f'ev_{mode}_ambiguity_sum'] / 4)


def test_missing_metainfo_is_named(world, view, evaluate):
    with pytest.raises(ValueError, match='protocol must be among'):
        MultiViewMPJPE('authors')
    sample = view(world[0], 0, None)
    with pytest.raises(ValueError, match="metainfo 'frame_id'"):
        evaluate(MultiViewMPJPE(), [sample])
    sample = view(world[0], 0, 'a')
    del sample.camera_param['R']
    with pytest.raises(ValueError, match='camera_param with f, c, R and T'):
        evaluate(MultiViewMPJPE(), [sample])
    samples = [view(world[0], angle, 'a') for angle in ANGLES]
    metric = MultiViewMPJPE()
    for sample in samples:
        metric.process(None, [sample.to_dict()])
    with pytest.raises(ValueError, match='set dataset_meta'):
        metric.evaluate(4)
