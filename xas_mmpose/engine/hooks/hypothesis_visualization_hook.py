"""Pictures of predictions while a model is tested."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import mmcv
import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmpose.registry import HOOKS

from xas_mmpose.evaluation.functional import pose_errors
from xas_mmpose.geometry.alignment import center_on_root
from xas_mmpose.geometry.cameras import apply_affine
from xas_mmpose.visualization import draw_hypotheses


@HOOKS.register_module()
class HypothesisVisualizationHook(Hook):
    """Draw the crop with its 2D pose, and all hypotheses from two sides.

    MMPose's ``PoseVisualizationHook`` draws the 2D pose alone. The arguments
    are its own, so that ``--show-dir`` and ``--show`` of tools/test.py work;
    with neither the pictures go to the visualizer's backends.

    Args:
        enable: Whether anything is drawn.
        interval: Draws the first, and then every n-th, picture.
        out_dir: Folder of the drawings, as it is typed, not below the work
            dir. They are named as the pictures are below the data set's
            folder ``img``, the second of a picture and so on with its ``id``
            behind; another test or validation writes over them.
        show: Whether a window shows each.
        wait_time: Seconds that it stays.

    Raises:
        ValueError: If ``interval`` is below 1.
    """

    def __init__(self, enable: bool = False, interval: int = 1,
                 out_dir: str | None = None, show: bool = False,
                 wait_time: float = 0.0) -> None:
        if interval < 1:
            raise ValueError(f'interval starts at 1, got {interval}')
        self.enable = enable
        self.interval = interval
        self.out_dir = out_dir
        self.show = show
        self.wait_time = wait_time
        self._count = 0
        self._drawn: set[str] = set()

    def before_val_epoch(self, runner: Runner) -> None:
        """Begin to count."""
        self.before_test_epoch(runner)

    def before_test_epoch(self, runner: Runner) -> None:
        """Begin to count."""
        self._count = 0
        self._drawn.clear()

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: dict,
                       outputs: Sequence[BaseDataElement]) -> None:
        """Draw what a batch gave; see :meth:`after_test_iter`."""
        self._draw_batch(runner, runner.val_dataloader.dataset, data_batch,
                         outputs)

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
        self._draw_batch(runner, runner.test_dataloader.dataset, data_batch,
                         outputs)

    def _draw_batch(self, runner: Runner, dataset: Any, data_batch: dict,
                    outputs: Sequence[BaseDataElement]) -> None:
        """Draw every n-th sample of all."""
        if not self.enable:
            return
        for patch, sample in zip(data_batch['inputs'], outputs):
            self._count += 1
            if (self._count - 1) % self.interval:
                continue
            name = _name_of(sample, getattr(
                dataset, 'data_prefix', {}).get('img', ''))
            if name in self._drawn:
                # Somebody else in the same picture.
                name = f'{name}_{sample.get("id", self._count)}'
            self._drawn.add(name)
            picture = draw_sample(patch.permute(1, 2, 0).cpu().numpy(),
                                  sample, dataset.metainfo, name)
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
                runner.visualizer.add_image(name, rgb, step=self._count)


def draw_sample(patch: np.ndarray, sample: BaseDataElement,
                metainfo: Mapping[str, Any], title: str) -> np.ndarray:
    """Draw a prediction, and the truth where there is one.

    Args:
        patch: What the network has seen (h, w, 3), BGR uint8. Where the
            picture's file is there its own crop is drawn, background and
            all.
        sample: The data sample with ``pred_instances``.
        metainfo: Metainfo of its data set.
        title: First words above it.

    Returns:
        The drawing, BGR uint8.
    """
    pred, truth = sample.pred_instances, sample.get('gt_instances', {})
    path = sample.get('img_path')
    if path and os.path.isfile(path):
        patch = cv2.warpAffine(mmcv.imread(path), sample.crop_affine,
                               sample.input_size)
    mask = None
    if 'masks' in sample.get('gt_fields', {}):
        mask = sample.gt_fields.masks[0].cpu().numpy()
    target, errors = None, {}
    if 'keypoints_3d' in truth:
        visible = truth.keypoints_3d_visible
        root = metainfo.get('root_index') or 0
        errors = {
            f'{metric}/top1': float(pose_errors(
                pred.keypoints_3d, truth.keypoints_3d, visible, metric,
                root)[0])
            for metric in ('MPJPE', 'P-MPJPE')}
        target = np.where(visible[0][:, None] > 0,
                          center_on_root(truth.keypoints_3d[0], root), np.nan)
    return draw_hypotheses(
        patch, mask, apply_affine(pred.keypoints[0, :, :2],
                                  sample.crop_affine),
        pred.hypotheses_3d[0], pred.hypothesis_scores[0], metainfo,
        target_3d=target, title=title, errors=errors)


def _name_of(sample: BaseDataElement, folder: str) -> str:
    """Return a picture's path below a folder, without its ending."""
    path = sample.get('img_path') or str(sample.get('img_id', 0))
    below = os.path.relpath(path, folder or '.')
    if below.startswith(os.pardir) or os.path.isabs(below):
        below = os.path.basename(path)
    return os.path.splitext(below)[0]
