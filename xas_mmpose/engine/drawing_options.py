"""Options of the command line that draw."""
from __future__ import annotations

from argparse import Namespace

from mmengine.config import Config


def draw_as_asked(cfg: Config, args: Namespace, show: bool) -> None:
    """Switch a config's drawing on, as ``--show`` and ``--show-dir`` ask.

    MMPose's own hook, which most configs have, draws 2D poses alone: a model
    with hypotheses gets ours.

    Args:
        cfg: The config, which is changed.
        args: With ``show_dir``, ``interval`` and ``wait_time``.
        show: Whether a window shows each drawing.

    Raises:
        ValueError: If the config has nothing that draws.
    """
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise ValueError('--show and --show-dir need the config to have '
                         'default_hooks.visualization, e.g. '
                         'dict(type="HypothesisVisualizationHook")')
    if (hook.type == 'PoseVisualizationHook' and cfg.model.get('head', {})
            .get('type') == 'MultiHypothesisHead'):
        hook.type = 'HypothesisVisualizationHook'
    hook.update(enable=True, show=show, out_dir=args.show_dir,
                interval=args.interval, wait_time=args.wait_time)
