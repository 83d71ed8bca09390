"""Pictures of predictions while a model is tested, or trained."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmengine.visualization import LocalVisBackend, Visualizer
from mmpose.registry import HOOKS
from torch import nn

from xas_mmpose.models.glance import glance
from xas_mmpose.visualization import draw_sample


@HOOKS.register_module()
class HypothesisVisualizationHook(Hook):
    """Draw the crop with its 2D pose, and all hypotheses from two sides.

    MMPose's ``PoseVisualizationHook`` draws the 2D pose alone. The arguments
    are its own, so that ``--show-dir`` and ``--show`` of tools/test.py work;
    with neither the pictures go to the visualizer's backends, such as
    TensorBoard, under the same name each time: ``val/`` or ``test/`` and
    that of the picture. Their step is the number of training steps.

    Depth profiles are drawn where the model's ``test_cfg`` has
    ``output_depth_profiles=True``.

    Where several processes work, each writes the files of its own share into
    ``out_dir``; backends and windows get those of the main process.

    Args:
        enable: Whether anything is drawn.
        interval: Draws the first, and then every n-th, picture.
        out_dir: Folder of the drawings, as it is typed, not below the work
            dir. They are named as the pictures are below the data set's
            folder ``img``, the second of a picture and so on with its ``id``
            behind, and with several processes all that have one; another
            test or validation writes over them.
        show: Whether a window shows each.
        wait_time: Seconds that it stays.
        num_pictures: Draws so many, evenly spaced over the set, instead of
            every n-th. They are the same ones each time.
        train_interval: Draws these pictures of the validation set after
            every so many steps of training, too. They take no part in it:
            weights become what they would have become. They are what the
            weights in training find; those of a validation are what the
            averaged ones find, where there is an ``EMAHook``.
        skeleton_masks: Whether a panel shows what the 2D pose covers.

    Raises:
        ValueError: If an argument is below 1, or ``train_interval`` comes
            without ``num_pictures``.
    """

    def __init__(self, enable: bool = False, interval: int = 1,
                 out_dir: str | None = None, show: bool = False,
                 wait_time: float = 0.0, num_pictures: int | None = None,
                 train_interval: int | None = None,
                 skeleton_masks: bool = False) -> None:
        for name, value in (('interval', interval),
                            ('num_pictures', num_pictures),
                            ('train_interval', train_interval)):
            if value is not None and value < 1:
                raise ValueError(f'{name} starts at 1, got {value}')
        if train_interval is not None and num_pictures is None:
            raise ValueError('train_interval draws a few pictures again and '
                             'again: say how many by num_pictures')
        self.enable = enable
        self.interval = interval
        self.out_dir = out_dir
        self.show = show
        self.wait_time = wait_time
        self.num_pictures = num_pictures
        self.train_interval = train_interval
        self.skeleton_masks = skeleton_masks
        self._count = 0
        self._drawn: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        """See that there is something to draw.

        Raises:
            ValueError: If ``train_interval`` lacks a validation set.
        """
        if (self.enable and self.train_interval is not None
                and runner.val_dataloader is None):
            raise ValueError('train_interval draws pictures of the '
                             'validation set: give the config a '
                             'val_dataloader, or leave train_interval out')

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        """Draw pictures of the validation set."""
        if (not self.enable or self.train_interval is None
                or not self.every_n_train_iters(runner, self.train_interval)
                or not is_main_process()):
            return
        self._begin()
        loader = runner.val_dataloader
        order = list(loader.sampler)
        for number in sorted(self._chosen(len(order))):
            batch = pseudo_collate([loader.dataset[order[number]]])
            sample, = _predict(runner.model, batch)
            # The step that has just been made counts.
            self._draw(runner, loader.dataset, batch['inputs'][0], sample,
                       'val', runner.iter + 1)

    def before_val_epoch(self, runner: Runner) -> None:
        """Begin to count."""
        self._begin()

    def before_test_epoch(self, runner: Runner) -> None:
        """Begin to count."""
        self._begin()

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: dict,
                       outputs: Sequence[BaseDataElement]) -> None:
        """Draw what a batch gave; see :meth:`after_test_iter`."""
        self._draw_batch(runner, runner.val_dataloader, data_batch, outputs,
                         'val')

    def after_test_iter(self, runner: Runner, batch_idx: int,
                        data_batch: dict,
                        outputs: Sequence[BaseDataElement]) -> None:
        """Draw what a batch gave.

        Args:
            runner: The runner.
            batch_idx: Number of the batch.
            data_batch: The batch, with ``inputs``.
            outputs: Data samples with predictions.
        """
        self._draw_batch(runner, runner.test_dataloader, data_batch, outputs,
                         'test')

    def _begin(self) -> None:
        """Begin to count."""
        self._count = 0
        self._drawn.clear()

    def _chosen(self, total: int) -> set[int]:
        """Return which of all samples of this process are drawn."""
        return set(np.linspace(0, total - 1, min(self.num_pictures, total)
                               ).round().astype(int).tolist())

    def _draw_batch(self, runner: Runner, loader: Any, data_batch: dict,
                    outputs: Sequence[BaseDataElement], stage: str) -> None:
        """Draw those samples of a batch whose turn it is."""
        if not self.enable or (self.out_dir is None
                               and not is_main_process()):
            return
        chosen = None if self.num_pictures is None else self._chosen(
            len(loader.sampler))
        for patch, sample in zip(data_batch['inputs'], outputs):
            number = self._count
            self._count += 1
            if (number % self.interval if chosen is None
                    else number not in chosen):
                continue
            self._draw(runner, loader.dataset, patch, sample, stage,
                       runner.iter)

    def _draw(self, runner: Runner, dataset: Any, patch: torch.Tensor,
              sample: BaseDataElement, stage: str, step: int) -> None:
        """Draw a sample and hand it over."""
        name = _name_of(sample, getattr(
            dataset, 'data_prefix', {}).get('img', ''))
        number = sample.get('id')
        if name in self._drawn:
            # Somebody else in the same picture.
            name = f'{name}_{self._count if number is None else number}'
        elif get_world_size() > 1 and number is not None:
            # Another process may draw somebody else.
            name = f'{name}_{number}'
        self._drawn.add(name)
        picture = draw_sample(
            patch.permute(1, 2, 0).cpu().numpy(), sample, dataset.metainfo,
            name, self.skeleton_masks, _bin_depths(runner.model))
        if self.out_dir is not None:
            path = os.path.join(self.out_dir, f'{name}.jpg')
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if not cv2.imwrite(path, picture):
                raise OSError(f'cannot write {path}')
        rgb = np.ascontiguousarray(picture[..., ::-1])
        if self.show:
            runner.visualizer.show(rgb, win_name=name,
                                   wait_time=self.wait_time)
        elif self.out_dir is None:
            _add_image(runner.visualizer, f'{stage}/{name}', rgb, step)


def _predict(model: nn.Module, batch: Mapping[str, Any]
             ) -> Sequence[BaseDataElement]:
    """Predict in the middle of a training, and leave no trace."""
    model = model.module if is_model_wrapper(model) else model
    with glance(model):
        return model.test_step(batch)


def _bin_depths(model: nn.Module) -> np.ndarray | None:
    """Return the normalised depths of a model's bins, where it has some."""
    model = model.module if is_model_wrapper(model) else model
    decoder = getattr(getattr(model, 'head', None), 'decoder', None)
    return None if decoder is None else decoder.bin_depths()


def _add_image(visualizer: Visualizer, name: str, image: np.ndarray,
               step: int) -> None:
    """Hand a picture to all backends; folders of one name are no problem.

    ``Visualizer.add_image`` would lose what LocalVisBackend has no folder
    for, without a word; TensorBoard and others make groups of slashes.
    """
    for backend in visualizer._vis_backends.values():
        local = isinstance(backend, LocalVisBackend)
        backend.add_image(name.replace('/', '_') if local else name, image,
                          step)


def _name_of(sample: BaseDataElement, folder: str) -> str:
    """Return a picture's path below a folder, without its ending."""
    path = sample.get('img_path') or str(sample.get('img_id', 0))
    below = os.path.relpath(path, folder or '.')
    if below.startswith(os.pardir) or os.path.isabs(below):
        below = os.path.basename(path)
    return os.path.splitext(below)[0].replace(os.sep, '/')
