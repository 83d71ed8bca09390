"""The options that docs/training.md names are there."""
from __future__ import annotations

import argparse
import re
from pathlib import Path

from mmengine.config import Config, DictAction
from mmpose.registry import HOOKS, MODELS, TRANSFORMS

ROOT = Path(__file__).resolve().parents[2]
#: KEY=VALUE, wherever a setting of a config begins.
OPTION = re.compile(r'\b(?:model|custom_hooks|train_dataloader|default_hooks|'
                    r'randomness)\.[\w.]+=[^\s`]+')


def test_every_option_is_one_of_the_config():
    text = (ROOT / 'docs' / 'training.md').read_text()
    named = OPTION.findall(text)
    assert len(named) > 25
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    options = parser.parse_args(['--cfg-options', *named]).cfg_options
    config = Config.fromfile(ROOT / 'configs' / 'xas_h36m.py')
    for key in options:
        node = config
        for part in key.split('.')[:-1]:
            if key.startswith(('default_hooks.e', 'model.head.pose_r',
                               'model.head.bone_p')):
                break  # switched on by its first option
            node = node[int(part) if part.isdigit() else part]
    config.merge_from_dict(options)

    # What is built refuses options that it does not know.
    head = config.model.head
    hooks = [HOOKS.build(dict(hook)) for hook in config.custom_hooks]
    prior, stages = hooks[2:]
    assert prior.loss.hypotheses == 'reference'
    assert len(stages.stages) == 2
    discriminator = MODELS.build(dict(
        prior.discriminator_cfg, metainfo=head.metainfo))
    assert not discriminator.center
    config.model.backbone.init_cfg = None
    built = MODELS.build(config.model).head
    assert built.pose_ranker is not None
    assert built.bone_prior is not None
    modules = built.loss_modules
    assert modules['loss_symmetry'].reference
    assert modules['loss_skeleton_mask'].reference_clip
    for step in config.train_dataloader.dataset.pipeline:
        TRANSFORMS.build(step)
    HOOKS.build(config.default_hooks.ema)
    HOOKS.build(config.default_hooks.exact)
    # The table of losses, and that of the head.
    rows = re.findall(r'^\| `(loss_\w+)`', text, re.MULTILINE)
    assert rows == list(modules)
