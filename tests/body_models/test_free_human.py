"""The free humans that the package ships."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import (
    SMPLBody,
    load_body,
    sample_betas,
    sample_pose,
)


@pytest.fixture(scope='module')
def small() -> SMPLBody:
    return load_body('human')


@pytest.fixture(scope='module')
def full() -> SMPLBody:
    return load_body('human_full')


def test_the_same_numbers_give_the_same_person(small: SMPLBody,
                                               full: SMPLBody) -> None:
    generator = torch.Generator().manual_seed(0)
    betas, pose = sample_betas(32, generator), sample_pose(32, generator)
    first, second = (body(betas, pose[:, :3], pose[:, 3:])
                     for body in (small, full))
    joints = (first.joints - second.joints).norm(dim=-1) * 1000
    assert joints.max() < 10
    assert joints.mean() < 2
    keypoints = (first.keypoints - second.keypoints).norm(dim=-1) * 1000
    assert keypoints.max() < 10
    # The small mesh is a coarser one of the same skin.
    skin = second.vertices[0, full.faces.unique()]
    away = torch.cdist(first.vertices[0], skin).amin(1) * 1000
    assert away.mean() < 7
    assert away.max() < 35


def test_layers_are_around_the_body(small: SMPLBody, full: SMPLBody) -> None:
    assert not small.layers
    assert set(full.layers) == {'cloth', 'skirt', 'hair'}
    template = full.v_template.numpy()
    skin = np.unique(full.faces)
    joints = (full.joint_regressor @ full.v_template).numpy()
    seen = [skin]
    for name, faces in full.layers.items():
        assert faces.min() >= 0
        assert faces.max() < len(template)
        seen.append(np.unique(faces))
        assert not np.isin(seen[-1], skin).any(), name
    # No vertex belongs to nothing, or to two layers.
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)),
                                  np.arange(len(template)))
    heights = {name: template[np.unique(faces), 1]
               for name, faces in full.layers.items()}
    assert heights['hair'].max() > joints[15, 1] + 0.1
    assert heights['skirt'].max() < joints[6, 1]
    assert heights['cloth'].min() < joints[7, 1]
    wrists = np.abs(template[np.unique(full.layers['cloth']), 0]).max()
    assert wrists == pytest.approx(joints[20, 0], abs=0.03)


def test_cloth_is_wrapped_closely_around_the_skin(full: SMPLBody) -> None:
    cloth = np.unique(full.layers['cloth'])
    skin = full.v_template[full.faces.unique()]
    away = torch.cdist(full.v_template[cloth], skin).amin(1)
    assert away.median() < 0.015
    # It hangs on the same joints as the skin beneath it.
    nearest = torch.cdist(full.v_template[cloth], skin).argmin(1)
    beneath = full.weights[full.faces.unique()][nearest]
    apart = (full.weights[cloth] - beneath).abs().sum(1)
    assert apart.median() < 0.1


def test_eyes_are_in_the_head(full: SMPLBody) -> None:
    assert full.eyes.min() >= 0
    assert full.eyes.max() < len(full.faces)
    vertices = full.faces.numpy()[full.eyes].ravel()
    assert set(full.parts[vertices]) == {15}
    eyes = full.v_template.numpy()[vertices]
    nose = full.v_template.numpy()[full.landmarks['nose']]
    assert (eyes[:, 1] > nose[1]).all()
    assert (eyes[:, 2] < nose[2]).all()
    left = eyes[:, 0] > 0
    assert left.mean() == pytest.approx(0.5)
    np.testing.assert_allclose(eyes[left].mean(0) * (-1, 1, 1),
                               eyes[~left].mean(0), atol=1e-3)


def test_texture_coordinates_cover_the_body(full: SMPLBody) -> None:
    coordinates, corners = full.uv
    assert corners.shape == full.faces.shape
    assert corners.min() == 0
    assert corners.max() == len(coordinates) - 1
    assert coordinates.min() >= 0
    assert coordinates.max() <= 1
    a, b, c = coordinates[corners].transpose(1, 0, 2).astype(float)
    area = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    # Not mirrored, and no part of the picture lies on two parts of the body.
    assert (area > -1e-9).mean() > 0.99
    assert 0.3 < area.sum() < 1


def test_landmarks_leave_the_hair_out(full: SMPLBody) -> None:
    skin = np.unique(full.faces)
    template = full.v_template.numpy()
    nose, top = (full.landmarks[name] for name in ('nose', 'head_top'))
    assert np.isin([nose, top], skin).all()
    head = skin[full.parts[skin] == 15]
    assert template[nose, 2] == pytest.approx(template[head, 2].max())
    assert template[top, 1] == pytest.approx(template[head, 1].max(),
                                             abs=0.003)


def test_weights_and_regressor_survive_their_rounding(
        full: SMPLBody) -> None:
    assert full.weights.min() >= 0
    torch.testing.assert_close(full.weights.sum(1),
                               torch.ones(len(full.weights)))
    torch.testing.assert_close(full.joint_regressor.sum(1), torch.ones(24))
    # Joints hang on skin, not on clothes.
    layers = np.unique(np.concatenate([*full.layers.values()]))
    assert not full.joint_regressor[:, layers].any()
