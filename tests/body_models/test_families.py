"""Shapes of SMAL's families, from a file as SMAL's."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from xas_mmpose.body_models import (
    SMAL_FAMILIES,
    FamilyShapePrior,
    family_betas,
)

MEANS = np.arange(205.0).reshape(5, 41)


def covariances() -> list[np.ndarray]:
    """Return covariances of two directions each, as of three toys."""
    rng = np.random.default_rng(0)
    spans = rng.normal(size=(5, 41, 2))
    return [span @ span.T for span in spans]


@pytest.fixture
def data_file(tmp_path: Path, python2) -> Path:
    return python2.write(
        tmp_path / 'smal_CVPR2017_data.pkl',
        dict(cluster_means=MEANS, cluster_cov=covariances(),
             eigenvalues=np.ones(41), toys_betas=np.ones((41, 41))),
        protocol=0)


def test_means_are_the_families_own(data_file: Path) -> None:
    assert SMAL_FAMILIES == ('felidae', 'canidae', 'equidae', 'bovidae',
                             'hippopotamidae')
    for family, row in zip(SMAL_FAMILIES, MEANS):
        betas = family_betas(data_file, family)
        assert betas.dtype == torch.float32
        np.testing.assert_array_equal(betas, row)


def test_shapes_have_the_families_spread(data_file: Path) -> None:
    prior = FamilyShapePrior(data_file, 'bovidae')
    drawn = prior.sample(20000, torch.Generator().manual_seed(0))
    assert (drawn.dtype, drawn.shape) == (torch.float32, (20000, 41))
    expected = covariances()[3]
    offsets = drawn.double().numpy() - MEANS[3]
    scale = np.sqrt(np.diag(expected))
    # Five standard errors.
    assert (np.abs(offsets.mean(0)) < 5 * scale / np.sqrt(20000)).all()
    np.testing.assert_allclose(
        (offsets.T @ offsets / 20000) / np.outer(scale, scale),
        expected / np.outer(scale, scale), atol=5 * np.sqrt(2 / 20000))
    assert np.linalg.matrix_rank(offsets, tol=0.1) == 2


def test_the_same_seed_gives_the_same_shapes(data_file: Path) -> None:
    prior = FamilyShapePrior(data_file, 'felidae')
    drawn = [prior.sample(2, torch.Generator().manual_seed(seed))
             for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.isclose(drawn[0], drawn[2]).any()


def test_bad_files_and_families_are_named(tmp_path: Path,
                                          data_file: Path, python2) -> None:
    with pytest.raises(ValueError, match="family 'ursidae'; SMAL has felidae"):
        FamilyShapePrior(data_file, 'ursidae')
    with pytest.raises(FileNotFoundError,
                       match=r'none\.pkl.*https://smal\.is\.tue\.mpg\.de'):
        family_betas(tmp_path / 'none.pkl', 'felidae')
    for content in (dict(cluster_means=MEANS), [1],
                    dict(cluster_means=MEANS, cluster_cov=[np.eye(3)] * 5),
                    dict(cluster_means=MEANS[:2], cluster_cov=[])):
        path = python2.write(tmp_path / 'other.pkl', content)
        with pytest.raises(ValueError, match=r'other\.pkl holds no shapes'):
            family_betas(path, 'bovidae')
