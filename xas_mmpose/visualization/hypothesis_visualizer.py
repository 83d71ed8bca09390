"""MMPose's visualizer, with all hypotheses from two sides."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.dist import master_only
from mmpose.registry import VISUALIZERS
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

from xas_mmpose.geometry.alignment import center_on_root

from .people import DrawnPerson, draw_people


@VISUALIZERS.register_module()
class HypothesisVisualizer(PoseLocalVisualizer):
    """Draws 3D hypotheses where MMPose's own tools and hooks draw 2D poses.

    What has none is drawn as :class:`PoseLocalVisualizer` does it.

    Args:
        name: Name of the instance.
        skeleton_masks: Whether a panel shows what the 2D pose covers.
        panel_size: Height of the panels, px.
        **options: Those of ``PoseLocalVisualizer``, of which ``vis_backends``
            and ``save_dir`` tell where pictures go.
    """

    def __init__(self, name: str = 'visualizer', *,
                 skeleton_masks: bool = False, panel_size: int = 384,
                 **options: Any) -> None:
        super().__init__(name, **options)
        self.skeleton_masks = skeleton_masks
        self.panel_size = panel_size

    @master_only
    def add_datasample(self, name: str, image: np.ndarray,
                       data_sample: PoseDataSample, draw_gt: bool = True,
                       draw_pred: bool = True, show: bool = False,
                       wait_time: float = 0, out_file: str | None = None,
                       step: int = 0, **options: Any) -> np.ndarray:
        """Draw the poses of a picture and hand them to all backends.

        Args:
            name: Name of the picture.
            image: Picture (H, W, 3), RGB uint8.
            data_sample: With ``pred_instances``, of any number of people.
            draw_gt: Whether the truth is drawn, where ``gt_instances`` have
                ``keypoints_3d``.
            draw_pred: Whether poses are drawn.
            show: Whether a window shows it.
            wait_time: Seconds that it stays.
            out_file: File that is written instead of the backends.
            step: Step that the backends note.
            **options: What else ``PoseLocalVisualizer`` takes: it is for
                pictures without 3D poses.

        Returns:
            The drawing, RGB uint8.

        Raises:
            ValueError: If nobody has called ``set_dataset_meta``.
            OSError: If ``out_file`` cannot be written.
        """
        found = data_sample.get('pred_instances', {})
        if not draw_pred or 'hypotheses_3d' not in found:
            return super().add_datasample(
                name, image, data_sample, draw_gt=draw_gt,
                draw_pred=draw_pred, show=show, wait_time=wait_time,
                out_file=out_file, step=step, **options)
        if not self.dataset_meta:
            raise ValueError(
                'HypothesisVisualizer does not know the key points: call '
                'set_dataset_meta(model.dataset_meta) first')
        drawn = draw_people(
            np.ascontiguousarray(image[..., ::-1]),
            self._people(data_sample, image.shape[:2], draw_gt),
            self.dataset_meta, name, self.skeleton_masks, self.panel_size)
        rgb = np.ascontiguousarray(drawn[..., ::-1])
        self.set_image(rgb)
        if show:
            self.show(rgb, win_name=name, wait_time=wait_time)
        if out_file is None:
            self.add_image(name, rgb, step)
        else:
            Path(out_file).parent.mkdir(parents=True, exist_ok=True)
            if not cv2.imwrite(str(out_file), drawn):
                raise OSError(f'cannot write {out_file}')
        return rgb

    def _people(self, sample: PoseDataSample, shape: tuple[int, int],
                draw_gt: bool) -> list[DrawnPerson]:
        """Return whom a data sample has found."""
        found = sample.pred_instances
        truth = sample.get('gt_instances', {}) if draw_gt else {}
        root = self.dataset_meta.get('root_index') or 0
        boxes = found.get('bboxes')
        people = []
        for i, hypotheses in enumerate(found.hypotheses_3d):
            target = None
            if 'keypoints_3d' in truth:
                seen = truth.keypoints_3d_visible[i][:, None] > 0
                target = np.where(
                    seen, center_on_root(truth.keypoints_3d[i], root), np.nan)
            people.append(DrawnPerson(
                (np.array([0, 0, shape[1] - 1, shape[0] - 1.])
                 if boxes is None else boxes[i]),
                found.keypoints[i], hypotheses, found.hypothesis_scores[i],
                self._mask(sample, shape), target,
                ranking=found.get('pose_ranking')))
        return people

    @staticmethod
    def _mask(sample: PoseDataSample,
              shape: tuple[int, int]) -> np.ndarray | None:
        """Return the mask of a crop, back in its place in the picture.

        MMPose's hook leaves masks out.
        """
        if ('masks' not in sample.get('gt_fields', {})
                or 'crop_affine' not in sample):
            return None
        return cv2.warpAffine(
            sample.gt_fields.masks[0].cpu().numpy(),
            np.asarray(sample.crop_affine, np.float64), shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
