"""Test a model and show what it answers."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.evaluator import Evaluator
from mmengine.runner import CheckpointLoader, Runner, set_random_seed
from mmengine.structures import BaseDataElement
from mmengine.utils import track_iter_progress
from mmpose.registry import MODELS

from xas_mmpose.evaluation.functional import pose_errors, select_hypothesis
from xas_mmpose.geometry.alignment import center_on_root
from xas_mmpose.geometry.cameras import apply_affine
from xas_mmpose.visualization import draw_hypotheses

COLUMNS = tuple(f'{metric}/{rule}' for rule in ('top1', 'oracle')
                for metric in ('MPJPE', 'N-MPJPE', 'P-MPJPE'))
#: Networks that only training needs: weights from before stage 2 lack them.
TRAINING_ONLY = 'head.pretext.'

Answers = list[tuple[torch.Tensor, BaseDataElement]]


def load_model(cfg: Config, checkpoint: Path | None) -> torch.nn.Module:
    """Build the model, with a checkpoint's weights or with random ones.

    Args:
        cfg: Its config.
        checkpoint: The checkpoint, or None.

    Raises:
        ValueError: If the checkpoint is another model's.
    """
    set_random_seed(0)
    model = MODELS.build(cfg.model)
    if checkpoint is None:
        model.init_weights()
    else:
        weights = CheckpointLoader.load_checkpoint(
            str(checkpoint), map_location='cpu', logger='silent')
        try:
            missing, unknown = model.load_state_dict(
                weights['state_dict'], strict=False)
        except (KeyError, RuntimeError) as error:
            raise ValueError(f'{checkpoint} does not fit {cfg.filename}: '
                             f'{error}') from error
        wrong = [key for key in [*missing, *unknown]
                 if not key.startswith(TRAINING_ONLY)]
        if wrong:
            raise ValueError(f'{checkpoint} does not fit {cfg.filename}: '
                             f'one of them lacks {", ".join(wrong[:3])}')
    return model.to(get_device()).eval()


def predict(model: torch.nn.Module, cfg: Config,
            datasets: Sequence[dict]) -> tuple[dict, Answers]:
    """Return the metainfo of data sets and the model's answers to all."""
    answers: Answers = []
    for dataset in datasets:
        loader = Runner.build_dataloader(dict(
            cfg.test_dataloader, dataset=dataset, num_workers=0,
            persistent_workers=False))
        with torch.no_grad():
            for batch in loader:
                answers += zip(batch['inputs'], model.test_step(batch))
    return loader.dataset.metainfo, answers


def score(cfg: Config, metainfo: dict, answers: Answers) -> dict[str, float]:
    """Return the metrics of a test set's answers."""
    evaluator = Evaluator([cfg.test_evaluator])
    evaluator.dataset_meta = metainfo
    evaluator.process([sample for _, sample in answers], None)
    return evaluator.evaluate(len(answers))


def score_each(answers: Answers, root_index: int
               ) -> dict[str, dict[str, float]]:
    """Return the errors of each picture by its name."""
    errors = {}
    for _, sample in answers:
        pred, truth = sample.pred_instances, sample.gt_instances
        target, visible = truth.keypoints_3d, truth.keypoints_3d_visible
        found = {}
        for column in COLUMNS:
            metric, rule = column.split('/')
            pose = select_hypothesis(
                pred.hypotheses_3d, pred.hypothesis_scores, target, rule,
                visible, root_index)
            found[column] = float(
                pose_errors(pose, target, visible, metric, root_index)[0])
        errors[Path(sample.img_path).stem] = found
    return errors


def stack_truth(answers: Iterable, key: str) -> np.ndarray:
    """Return what is true of answers: (N, K, 3) poses, or (N, K)."""
    return np.concatenate(
        [sample.gt_instances[key] for _, sample in answers])


def draw(folder: Path, answers: Answers, skeleton: dict, num: int) -> None:
    """Write pictures of test frames, evenly spaced.

    Args:
        folder: Where to.
        answers: What was answered.
        skeleton: Metainfo of the key points.
        num: Number of pictures at most.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = np.linspace(0, len(answers) - 1, min(num, len(answers)))
    for image, sample in track_iter_progress(
            [answers[int(i)] for i in chosen.round()]):
        pred, truth = sample.pred_instances, sample.gt_instances
        # The patch, not the picture: there is what the network has seen.
        points = apply_affine(pred.keypoints[0], sample.crop_affine)
        target = center_on_root(truth.keypoints_3d[0],
                                skeleton['root_index'])
        visible = truth.keypoints_3d_visible
        errors = {
            f'{metric}/top1': float(pose_errors(
                pred.keypoints_3d, truth.keypoints_3d, visible, metric,
                skeleton['root_index'])[0])
            for metric in ('MPJPE', 'P-MPJPE')}
        picture = draw_hypotheses(
            image.permute(1, 2, 0).numpy(),
            sample.gt_fields.masks[0].cpu().numpy(),
            points, pred.hypotheses_3d[0], pred.hypothesis_scores[0],
            skeleton, title=Path(sample.img_path).stem, errors=errors,
            target_3d=np.where(visible[0][:, None] > 0, target, np.nan),
            ranking=pred.get('pose_ranking'))
        name = f'{Path(sample.img_path).stem}.png'
        if not cv2.imwrite(str(folder / name), picture):
            raise OSError(f'could not write {folder / name}')
    print(f'\n{folder}', flush=True)


def print_table(rows: Mapping[str, Mapping[str, float]],
                title: str) -> list[str]:
    """Print, and return, the lines of one table.

    Args:
        rows: Errors of each row by column, mm.
        title: What stands above it.
    """
    lines = [title, '| mm |' + '|'.join(f' {c} ' for c in COLUMNS) + '|',
             '| --- |' + ' ---: |' * len(COLUMNS)]
    for name, values in rows.items():
        cells = [f'{values[c]:.1f}' if c in values else '-'
                 for c in COLUMNS]
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    print('\n' + '\n'.join(lines), flush=True)
    return [*lines, '']
