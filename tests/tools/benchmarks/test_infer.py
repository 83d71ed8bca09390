"""What the benchmark of inference compares."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


def test_its_figures(load: Callable):
    infer = load('infer')
    figures = dict(infer.bench_infer(1, quick=True))
    assert set(figures) == {
        f'{prefix}{name}_b{batch}{unit}' for prefix in ('', 'mini_')
        for batch in (1, 16)
        for name, unit in (('bare', '_ms'), ('infer', '_ms'),
                           ('ratio_to_bare', ''))}
    for prefix in ('', 'mini_'):
        for batch in (1, 16):
            assert figures[f'{prefix}ratio_to_bare_b{batch}'] == (
                pytest.approx(figures[f'{prefix}infer_b{batch}_ms']
                              / figures[f'{prefix}bare_b{batch}_ms']))


def test_inference_has_all_its_parts(load: Callable):
    infer = load('infer')
    pictures, masks, camera = infer._pictures(2)
    inferencer = infer._inferencer('xas_mini_full.py', quick=True)
    found = list(inferencer(pictures, masks=masks, cameras=camera))
    assert len(found) == 2
    for poses in found:
        person, = poses.people
        assert person.mask_used
        assert person.root_3d is not None
        assert person.ranking['first'] == 'mean'
        assert np.isfinite(person.hypotheses_3d).all()
