"""What --show and --show-dir change in a config."""
from __future__ import annotations

from argparse import Namespace

import pytest
from mmengine.config import Config

from xas_mmpose.engine.drawing_options import draw_as_asked

ARGS = Namespace(show_dir='drawn', interval=3, wait_time=0.5)


def config(hook: str, head: str | None) -> Config:
    model = {} if head is None else dict(head=dict(type=head))
    return Config(dict(model=model, default_hooks=dict(
        visualization=dict(type=hook, enable=False))))


@pytest.mark.parametrize('hook, head, expected', [
    ('PoseVisualizationHook', 'MultiHypothesisHead',
     'HypothesisVisualizationHook'),
    ('PoseVisualizationHook', 'HeatmapHead', 'PoseVisualizationHook'),
    ('PoseVisualizationHook', None, 'PoseVisualizationHook'),
    ('MyHook', 'MultiHypothesisHead', 'MyHook')])
def test_models_with_hypotheses_get_the_hook_that_draws_them(
        hook: str, head: str | None, expected: str):
    cfg = config(hook, head)
    draw_as_asked(cfg, ARGS, show=False)
    assert cfg.default_hooks.visualization == dict(
        type=expected, enable=True, show=False, out_dir='drawn', interval=3,
        wait_time=0.5)


@pytest.mark.parametrize('cfg', [{}, dict(default_hooks=dict(a=1))])
def test_configs_without_such_a_hook(cfg: dict):
    with pytest.raises(ValueError, match=r'default_hooks\.visualization'):
        draw_as_asked(Config(cfg), ARGS, show=True)
