"""An ONNX file beside the model that it was made of."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from benchmarks.measuring import medians_ms
from mmengine.runner import CheckpointLoader
from onnx_runner import OnnxPoses, box_of

from xas_mmpose.apis import (
    ExportableDetector,
    Pose3DInferencer,
    largest_deviations,
    onnx_session,
    torch_outputs,
)

from .pictures import CAMERA, MaskedPicture

#: Of a person's poses, what is compared.
_POINTS = ('keypoints', 'hypotheses_3d')
_SCORES = ('keypoint_scores', 'hypothesis_scores')


def check_weights(model: torch.nn.Module, checkpoint: str) -> None:
    """Refuse a checkpoint that leaves weights of a model at random.

    MMEngine only warns.

    Args:
        model: The model.
        checkpoint: What was loaded into it.

    Raises:
        ValueError: If a parameter is missing in it, or has another shape.
    """
    state = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    state = state.get('state_dict', state)
    wrong = [name for name, value in model.named_parameters()
             if name not in state or state[name].shape != value.shape]
    if wrong:
        raise ValueError(
            f'{checkpoint} does not fit the config: {wrong[0]} and '
            f'{len(wrong) - 1} more parameters are missing in it or have '
            'another shape. Give the config that it was trained by')


def compare_poses(inferencer: Pose3DInferencer, runner: OnnxPoses,
                  pictures: Sequence[MaskedPicture]) -> dict[str, float]:
    """Compare from the picture to the poses, without and with a camera.

    Args:
        inferencer: The product.
        runner: What runs the ONNX file.
        pictures: The pictures.

    Returns:
        The largest deviations: ``keypoints`` px of the picture,
        ``hypotheses_3d`` mm, scores.
    """
    worst = dict.fromkeys((*_POINTS, *_SCORES), 0.0)
    for image, mask in pictures:
        for camera in (None, CAMERA):
            poses = next(inferencer(
                [image], masks=None if mask is None else [mask],
                cameras=camera))
            person, = poses.people
            found = runner(image, mask=mask, camera=camera)
            for name, value in largest_deviations(
                    {name: getattr(person, name) for name in worst},
                    found).items():
                worst[name] = max(worst[name], value)
    return worst


def crops_of(runner: OnnxPoses,
             pictures: Sequence[MaskedPicture]) -> np.ndarray:
    """Return the crops (N, 3, H, W), uint8, of pictures."""
    return np.stack([
        runner.crop(image, mask, *runner.square_of(box_of(mask, image.shape)))
        for image, mask in pictures]).transpose(0, 3, 1, 2)


def latencies(path: Path, detector: ExportableDetector, crops: np.ndarray,
              repeats: int, batches: Sequence[int] = (1, 16)
              ) -> Mapping[int, dict[str, float]]:
    """Time PyTorch and onnxruntime in turns, from crops to poses.

    Args:
        path: The ONNX file.
        detector: The model.
        crops: Crops (N, 3, H, W), repeated where a batch is larger.
        repeats: Rounds; the median counts.
        batches: Numbers of crops.

    Returns:
        Milliseconds a batch of ``torch`` and ``onnxruntime``, with as many
        threads as PyTorch has, by the number of crops.
    """
    session = onnx_session(path, torch.get_num_threads())
    times = {}
    for batch in batches:
        part = np.take(crops, range(batch), axis=0, mode='wrap')
        times[batch] = medians_ms({
            'torch': lambda part=part: torch_outputs(detector, part),
            'onnxruntime': lambda part=part: session(part)}, repeats)
    return times
