"""From crops to poses: PyTorch, in lower precision, and onnxruntime."""
from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from xas_mmpose.apis import (
    ExportableDetector,
    export_onnx,
    largest_deviations,
    onnx_session,
    torch_outputs,
)

from .infer import CONFIGS, _inferencer
from .measuring import medians_ms

BATCHES = (1, 16)


def bench_export(repeats: int, quick: bool) -> Iterator[
        tuple[str, float | str]]:
    """Time exported networks with random weights, decoding included.

    All take the same crops of noise to whole poses. ``bfloat16`` is autocast:
    the network alone is of lower precision, marginals never are; half
    precision is for GPUs and not measured here. ``compiled`` has backbone and
    transposed convolutions by ``torch.compile``, which takes a C++ compiler
    and minutes; decoding is as it is. Deviations are those from PyTorch in
    single precision.
    """
    rng = np.random.default_rng(0)
    for prefix, name in CONFIGS.items():
        model = _inferencer(name, quick).model
        detector = ExportableDetector(model).eval()
        width, height = model.head.decoder.input_size
        with tempfile.TemporaryDirectory() as folder:
            session = onnx_session(
                export_onnx(model, Path(folder) / 'a.onnx'),
                torch.get_num_threads())
        calls = dict(eager=lambda crops, d=detector: torch_outputs(d, crops),
                     onnxruntime=session, bfloat16=_in_bfloat16(detector))
        if not quick and shutil.which('g++'):
            calls['compiled'] = _compiled(detector)
        elif not quick:
            yield f'{prefix}export_compiled', 'no C++ compiler: no g++'
        for batch in BATCHES:
            crops = rng.integers(0, 256, (batch, 3, height, width),
                                 dtype=np.uint8)
            times = medians_ms({
                key: lambda crops=crops, call=call: call(crops)
                for key, call in calls.items()}, repeats)
            for key, value in times.items():
                yield f'{prefix}export_{key}_b{batch}_ms', value
        expected = calls['eager'](crops)
        for key in [key for key in calls if key != 'eager']:
            off = largest_deviations(expected, calls[key](crops))
            yield f'{prefix}export_{key}_px', off['keypoints']
            yield f'{prefix}export_{key}_mm', off['hypotheses_3d']


def _compiled(detector: ExportableDetector) -> Callable:
    """Return a function from crops to outputs, its network compiled."""
    detector = copy.deepcopy(detector)
    for part in (detector.model.backbone, detector.model.head.deconv_layers):
        part.compile(dynamic=False)
    return lambda crops: torch_outputs(detector, crops)


def _in_bfloat16(detector: ExportableDetector) -> Callable:
    """Return a function from crops to outputs, under autocast."""
    def call(crops: np.ndarray) -> dict[str, np.ndarray]:
        with torch.autocast('cpu', torch.bfloat16):
            return torch_outputs(detector, crops)
    return call
