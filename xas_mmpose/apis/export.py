"""Trained models as ONNX files, with the decoding inside."""
from __future__ import annotations

import hashlib
import importlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..models import MultiHypothesisHead
from ..version import __version__
from .onnx_operators import EXAMPLE_CROPS, OnnxOperators
from .results import FRAME

#: The operator set of the files; every onnxruntime from 1.14 (2023) has it.
OPSET = 18
#: Largest deviations that count as the same.
TOLERANCES = dict(keypoints=0.01, hypotheses_3d=0.1)
UNITS = dict(keypoints='px of the crop', hypotheses_3d='mm')


class ExportableDetector(nn.Module):
    """A detector from the pixels of crops to whole poses, without samples.

    All of ``TopdownPoseEstimator`` that lies between crop and poses:
    normalisation, network, decoding, ranking, with the head's own functions.

    Args:
        model: A detector with a
            :class:`~xas_mmpose.models.MultiHypothesisHead`, as MMPose's
            ``init_model`` makes it.
        flip_test: Average with the mirrored crop; None for what the model's
            ``test_cfg`` says.
        depth_profiles: Whether depth profiles are an output.

    Raises:
        ValueError: If there is something that a graph does not hold: another
            head, padding, or no normalisation.
    """

    def __init__(self, model: nn.Module, flip_test: bool | None = None,
                 depth_profiles: bool = False) -> None:
        super().__init__()
        if not isinstance(model.head, MultiHypothesisHead):
            raise ValueError(
                'only detectors with a MultiHypothesisHead can be exported, '
                f'the config has a {type(model.head).__name__}; MMDeploy '
                'exports those of MMPose')
        self.model = model
        if flip_test is None:
            flip_test = bool((model.test_cfg or {}).get('flip_test', False))
        self.flip_test = flip_test
        self.depth_profiles = depth_profiles
        preprocessor = model.data_preprocessor
        if not getattr(preprocessor, '_enable_normalize', False):
            raise ValueError(
                'the data_preprocessor normalises nothing: give it mean and '
                'std, [0, 0, 0] and [1, 1, 1] for pixels as they are')
        width, height = model.head.decoder.input_size
        divisor = preprocessor.pad_size_divisor
        if width % divisor or height % divisor:
            raise ValueError(
                f'crops of {width}x{height} px would be padded to multiples '
                f'of pad_size_divisor={divisor}: choose an input_size of '
                'such')

    @property
    def output_names(self) -> list[str]:
        """Names of what :meth:`forward` returns."""
        names = ['keypoints', 'keypoint_scores', 'hypotheses',
                 'hypotheses_3d', 'hypothesis_scores']
        return names + ['depth_profiles'] * self.depth_profiles

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Find the poses in crops.

        Args:
            crops: Pixels (B, 3, H, W), BGR as OpenCV reads them, 0..255,
                uint8 or float.

        Returns:
            - ``keypoints`` (B, K, 2): the first pose, px of the crop
            - ``keypoint_scores`` (B, K): probability of its depths
            - ``hypotheses`` (B, M, K, 3): all poses, normalised
            - ``hypotheses_3d`` (B, M, K, 3): the same in mm, relative to the
              root, for x and y parallel to the picture and a crop that is
              the codec's ``cube_size`` wide
            - ``hypothesis_scores`` (B, M, K): as
              :meth:`~xas_mmpose.models.MultiHypothesisHead.predict` says
            - ``depth_profiles`` (B, K, D), where asked for
        """
        head, preprocessor = self.model.head, self.model.data_preprocessor
        pixels = crops.float()
        if preprocessor._channel_conversion:
            pixels = pixels.flip(1)
        pixels = (pixels - preprocessor.mean) / preprocessor.std
        features = self.model.extract_feat(pixels)
        if self.flip_test:
            marginals = head.flip_average(
                [features, self.model.extract_feat(pixels.flip(-1))],
                self.model.dataset_meta['flip_indices'])
        else:
            marginals = head.marginals(features)
        poses, scores, keypoint_scores, profiles = head.decode_poses(marginals)
        codec = head.decoder
        # geometry.cameras would broadcast to the example's batch for ever.
        keypoints = (poses[:, 0, :, :2] + 1) / 2 * poses.new_tensor(
            codec.input_size)
        flat = (poses * poses.new_tensor([0.5, 0.5, 1.0])) * codec.cube_size
        flat = flat - flat[:, :, [head.root_index]]
        outputs = (keypoints, keypoint_scores[:, 0], poses, flat, scores,
                   profiles)
        return outputs[:len(self.output_names)]


def export_onnx(model: nn.Module,
                path: str | Path,
                flip_test: bool | None = None,
                depth_profiles: bool = False,
                opset: int = OPSET,
                checkpoint: str | Path | None = None) -> Path:
    """Write a model as an ONNX file.

    Its only input is ``crops`` (B, 3, H, W), uint8, BGR, with any B; its
    outputs are those of :class:`ExportableDetector`. Whatever else a program
    must know to use it is in the file's metadata (:func:`onnx_metadata`).

    Args:
        model: The detector.
        path: The file.
        flip_test: As for :class:`ExportableDetector`.
        depth_profiles: As for :class:`ExportableDetector`.
        opset: Operator set, 17 or higher.
        checkpoint: Where the weights are from, for the metadata.

    Returns:
        The path.

    Raises:
        ImportError: If onnx is not installed.
        ValueError: If the model or the opset does not fit, or the model does
            what ONNX cannot say.

    Note:
        What is decided in Python is decided when the file is written, as by
        some noisy crops. Shapes that Python computes of their number stay
        open (:class:`~xas_mmpose.apis.onnx_operators.OnnxOperators`);
        whether all did, :func:`check_onnx` tells.
    """
    onnx = needed_package('onnx')
    if opset < 17:
        raise ValueError(f'opset is 17 or higher, got {opset}')
    detector = ExportableDetector(model, flip_test, depth_profiles).eval()
    width, height = model.head.decoder.input_size
    generator = torch.Generator().manual_seed(0)
    example = torch.randint(256, (EXAMPLE_CROPS, 3, height, width),
                            dtype=torch.uint8, generator=generator)
    device = next(model.parameters()).device
    names = ['crops', *detector.output_names]
    path = Path(path)
    with torch.no_grad(), warnings.catch_warnings(), OnnxOperators():
        # Of decisions that are made once and for all, as they should be, and
        # of the exporter, which is not the newest: that one takes a minute
        # and does not know sorting.
        warnings.simplefilter('ignore')
        try:
            torch.onnx.export(
                detector, (example.to(device),), str(path), dynamo=False,
                opset_version=opset, input_names=names[:1],
                output_names=names[1:],
                dynamic_axes={name: {0: 'batch'} for name in names})
        except torch.onnx.errors.OnnxExporterError as error:
            # The rest of the message is the whole graph.
            reason = str(error).splitlines()[0].split('. Please feel')[0]
            raise ValueError(
                f'{type(model.backbone).__name__} and its head cannot be '
                f'exported: {reason}') from error
    graph = onnx.load(str(path))
    entries = onnx_metadata(detector, checkpoint, opset)
    onnx.helper.set_model_props(graph, {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in entries.items()})
    graph.producer_name, graph.producer_version = 'xas_mmpose', __version__
    onnx.checker.check_model(graph)
    onnx.save(graph, str(path))
    return path


def onnx_metadata(detector: ExportableDetector,
                  checkpoint: str | Path | None,
                  opset: int) -> dict[str, Any]:
    """Return what the ONNX file says of itself.

    Args:
        detector: What was exported.
        checkpoint: Where the weights are from, or None.
        opset: The operator set.

    Returns:
        Plain values; in the file those that are no strings are JSON.
    """
    model, codec = detector.model, detector.model.head.decoder
    info, config = model.dataset_meta, model.cfg
    names = info['keypoint_id2name']
    ranker = model.head.pose_ranker
    weights = Path(checkpoint) if checkpoint else None
    found = bool(weights and weights.is_file())
    meta = torch.load(weights, map_location='cpu', weights_only=False).get(
        'meta', {}) if found else {}
    first = ('the m-th likeliest depth of each key point'
             if ranker is None else
             'whole poses, the first is the ' + ranker.first)
    filename = getattr(config, 'filename', None)
    return dict(
        description='crops with their background removed, as at training, '
        'to 2D and several 3D poses; docs/export.md of xas_mmpose',
        xas_mmpose=__version__,
        opset=opset,
        config=Path(filename).name if filename else '',
        checkpoint=weights.name if weights else '',
        checkpoint_sha256=hashlib.sha256(weights.read_bytes()).hexdigest()
        if found else '',
        licence='code: Apache-2.0. Weights: of whoever trained them, and '
        'bound by the terms of the data that they were trained on',
        training_data_licence=meta.get('training_data_licence', ''),
        input='crops: (batch, 3, height, width), uint8, BGR, 0..255; '
        'normalised in the graph',
        units=dict(UNITS, hypotheses='1: x, y -1..1 over the crop, z cube '
                   'sides behind the root'),
        frame=FRAME,
        hypotheses=first,
        flip_test=detector.flip_test,
        keypoint_names=[names[i] for i in range(len(names))],
        root_index=model.head.root_index,
        skeleton_links=np.asarray(info['skeleton_links']).tolist(),
        flip_indices=[int(i) for i in info['flip_indices']],
        input_size=list(codec.input_size),
        cube_size=codec.cube_size,
        **_crop_rule(config))


def largest_deviations(expected: Mapping[str, np.ndarray],
                       found: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Compare the outputs of two runs.

    Args:
        expected: Outputs of :class:`ExportableDetector` by their names.
        found: Those of the ONNX file.

    Returns:
        The largest difference of each; of points the largest distance, in
        the unit of the output.

    Raises:
        ValueError: If a shape differs.
    """
    deviations = {}
    for name, value in expected.items():
        if value.shape != found[name].shape:
            raise ValueError(f'{name} is {found[name].shape}, expected '
                             f'{value.shape}')
        difference = np.float64(value) - found[name]
        if name in ('keypoints', 'hypotheses', 'hypotheses_3d'):
            difference = np.linalg.norm(difference, axis=-1)
        deviations[name] = float(np.abs(difference).max(initial=0))
    return deviations


def torch_outputs(detector: ExportableDetector,
                  crops: np.ndarray) -> dict[str, np.ndarray]:
    """Run the exported part in PyTorch.

    Args:
        detector: It, on any device.
        crops: Pixels (B, 3, H, W).

    Returns:
        The outputs by their names.
    """
    device = next(detector.parameters()).device
    with torch.no_grad():
        outputs = detector.eval()(torch.from_numpy(crops).to(device))
    return {name: value.cpu().numpy()
            for name, value in zip(detector.output_names, outputs)}


def onnx_session(path: str | Path,
                 threads: int = 1) -> Callable[[np.ndarray], dict]:
    """Open an ONNX file on the CPU.

    Args:
        path: The file.
        threads: Threads of an operator.

    Returns:
        A function from crops (B, 3, H, W), uint8, to outputs by name.

    Raises:
        ImportError: If onnxruntime is not installed.
    """
    runtime = needed_package('onnxruntime')
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options,
                                       providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    return lambda crops: dict(zip(names, session.run(None,
                                                     dict(crops=crops))))


def check_onnx(path: str | Path, detector: ExportableDetector,
               crops: np.ndarray,
               batches: Sequence[int] = (1, 2, 7)) -> dict[str, float]:
    """Compare an ONNX file with the model that it was made of.

    Args:
        path: The file.
        detector: The model.
        crops: Pixels (N, 3, H, W), uint8; at least one.
        batches: Numbers of crops at a time; the crops repeat for larger
            ones.

    Returns:
        The largest deviation of each output over all crops, the same
        batches given to both: see :func:`largest_deviations`.
    """
    session = onnx_session(path)
    worst: dict[str, float] = {}
    for batch in batches:
        for start in range(0, len(crops), batch):
            part = np.take(crops, range(start, start + batch), axis=0,
                           mode='wrap')
            deviations = largest_deviations(torch_outputs(detector, part),
                                            session(part))
            worst = {name: max(value, worst.get(name, 0.0))
                     for name, value in deviations.items()}
    return worst


def is_same(deviations: Mapping[str, float]) -> bool:
    """Say whether deviations are within :data:`TOLERANCES`."""
    return all(deviations[name] <= most for name, most in TOLERANCES.items())


def _crop_rule(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the test pipeline makes a crop of a box."""
    steps = {step['type']: step
             for step in config.test_dataloader.dataset.pipeline}
    return dict(
        padding=steps.get('GetCubeBox', {}).get('padding', 1.25),
        supersampling=steps.get('CubeAffine', {}).get('supersampling'),
        background_removed='RemoveBackground' in steps)


def needed_package(name: str) -> ModuleType:
    """Import a package that only exporting needs.

    Args:
        name: The package.

    Raises:
        ImportError: If it is not installed; says how to.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f'exporting needs {name} ({error}): pip install onnx '
            'onnxruntime') from error
