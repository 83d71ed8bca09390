"""Normal distributions of poses, from a file as SMALST's."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import GaussianPosePrior


def content(python2, num_joints: int = 35) -> dict:
    """Return what the file holds, with a covariance of rank 5."""
    rng = np.random.default_rng(0)
    span = rng.normal(size=(3 * num_joints, 5)) / 10
    return dict(mean_pose=rng.normal(size=3 * num_joints) / 5,
                cov=span @ span.T,
                pic=python2.ch(np.eye(3 * num_joints)))


@pytest.fixture
def file(tmp_path: Path, python2) -> Path:
    return python2.write(
        tmp_path / 'walking_toy_symmetric_pose_prior_with_cov_35parts.pkl',
        content(python2))


def test_poses_have_the_files_mean_and_covariance(file: Path,
                                                  python2) -> None:
    expected = content(python2)
    prior = GaussianPosePrior.from_file(file)
    poses = prior.sample(20000, torch.Generator().manual_seed(0))
    assert (poses.dtype, poses.shape) == (torch.float32, (20000, 105))
    assert (poses[:, :3] == 0).all()  # the camera goes around
    poses = poses[:, 3:].double().numpy()
    mean, cov = expected['mean_pose'][3:], expected['cov'][3:, 3:]
    scale = np.sqrt(np.diag(cov))
    # Five standard errors.
    assert (np.abs(poses.mean(0) - mean) < 5 * scale / 20000**0.5).all()
    np.testing.assert_allclose(
        np.cov(poses.T) / np.outer(scale, scale),
        cov / np.outer(scale, scale), atol=5 * (2 / 20000)**0.5)
    assert np.linalg.matrix_rank(poses - mean, tol=0.01) == 5


def test_the_callers_mean_stays() -> None:
    mean = np.arange(6.0)
    prior = GaussianPosePrior(mean, np.eye(6))
    assert prior.mean.tolist() == [0, 0, 0, 3, 4, 5]
    assert mean.tolist() == [0, 1, 2, 3, 4, 5]


def test_33_joints_take_the_first(file: Path) -> None:
    prior, whole = (GaussianPosePrior.from_file(file, num)
                    for num in (33, None))
    assert torch.equal(prior.mean, whole.mean[:99])
    drawn = prior.sample(5000, torch.Generator().manual_seed(0))
    assert drawn.shape == (5000, 99)
    wanted = whole.sample(5000, torch.Generator().manual_seed(1))[:, :99]
    np.testing.assert_allclose(drawn.std(0), wanted.std(0), rtol=0.06)


@pytest.mark.parametrize('changes, said', [
    (dict(mean_pose=None), 'lacks mean_pose'),
    (dict(cov=np.eye(104)), r'got \(105,\) and \(104, 104\)'),
    (dict(mean_pose=np.full(105, np.nan)), 'NaN'),
])
def test_bad_files_are_named(tmp_path: Path, python2, changes: dict,
                             said: str) -> None:
    bad = {key: value for key, value in {
        **content(python2), **changes}.items() if value is not None}
    path = python2.write(tmp_path / 'bad.pkl', bad)
    with pytest.raises(ValueError, match=rf'bad\.pkl.*{said}'):
        GaussianPosePrior.from_file(path)
    with pytest.raises(FileNotFoundError, match=r'none\.pkl'):
        GaussianPosePrior.from_file(tmp_path / 'none.pkl')
