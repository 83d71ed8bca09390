"""What the training step that is measured consists of."""
from __future__ import annotations

from collections.abc import Callable

from mmengine.registry import init_default_scope


def test_the_full_map_is_the_one_difference(load: Callable):
    step = load('step')
    config = step._config(quick=False)
    full_map = step._with_full_map(config)
    physique = 'loss_physique_mask'
    assert config.model.head[physique].map_size == (64, 64)
    assert full_map.model.head[physique].map_size is None
    full_map.model.head[physique].map_size = (64, 64)
    assert full_map.to_dict() == config.to_dict()


def test_both_discriminators_have_the_same_optimizer(load: Callable):
    step = load('step')
    init_default_scope('mmpose')
    config = step._config(quick=True)
    prior = step._prior_hook(config)['optimizer']
    defaults = step._twin(config).prior_optimizer.defaults
    assert prior.pop('type') == 'Adam'
    assert prior == {name: defaults[name] for name in prior}
    assert prior['fused']
