"""Inference, from a picture in memory to its poses, beside the network."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

from xas_mmpose.apis import Pose3DInferencer

from .measuring import Figures, medians_ms

_CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
#: The paper's network, and that of the shipped weights; the figures of the
#: second have a prefix.
CONFIGS = {'': 'xas_h36m.py', 'mini_': 'xas_mini_full.py'}
BATCHES = (1, 16)
#: Sides of the pictures: about those of Human3.6M.
SIDE = 1000


def bench_infer(repeats: int, quick: bool) -> Figures:
    """Time ``Pose3DInferencer``.

    Bare is the network alone, from patches to the scores of the volumes: no
    decoding. Inference begins with pictures of 1000x1000 px in memory, with
    a mask and a camera each, and ends with poses in mm: crop, removal of the
    background, network, decoding, ranking, frames. Reading files is not
    counted, as it takes its time for any network.

    Inference has the depth marginals computed without whole volumes, so that
    it may even take less time than bare at batch 16.
    """
    # Else each weight's initialisation is told.
    MMLogger.get_instance('mmengine', log_level='ERROR')
    for prefix, name in CONFIGS.items():
        inferencer = _inferencer(name, quick)
        model = inferencer.model
        size = model.head.decoder.input_size
        for batch in BATCHES:
            pictures, masks, camera = _pictures(batch)
            inputs = torch.rand(batch, 3, *size[::-1])

            def bare(inputs: torch.Tensor = inputs,
                     model: torch.nn.Module = model) -> None:
                with torch.no_grad():
                    model.head(model.extract_feat(inputs))

            def infer(pictures: list = pictures, masks: list = masks,
                      camera: dict = camera,
                      inferencer: Pose3DInferencer = inferencer) -> None:
                for _ in inferencer(pictures, masks=masks, cameras=camera,
                                    batch_size=len(pictures)):
                    pass

            times = medians_ms(dict(bare=bare, infer=infer), repeats)
            for key, value in times.items():
                yield f'{prefix}{key}_b{batch}_ms', value
            yield (f'{prefix}ratio_to_bare_b{batch}',
                   times['infer'] / times['bare'])


def _inferencer(name: str, quick: bool) -> Pose3DInferencer:
    """Build a model with random weights; small where it only has to run."""
    # xas_mmpose comes first: it lets MMPose do with mmcv-lite.
    from mmpose.apis import init_model
    config = Config.fromfile(_CONFIGS / name)
    if quick:
        config.model.backbone.update(base_channels=8, stem_channels=8)
        deconvs = len(config.model.head.deconv_out_channels)
        config.codec.update(input_size=(64, 64),
                            heatmap_size=(2 * 2**deconvs,) * 3)
        config.model.head.update(
            in_channels=256 if config.model.backbone.depth >= 50 else 64,
            decoder=config.codec, deconv_out_channels=[8] * deconvs)
        for step in config.test_dataloader.dataset.pipeline:
            if step.type == 'CubeAffine':
                step.input_size = config.codec.input_size
    torch.manual_seed(0)
    return Pose3DInferencer(init_model(config, None, device='cpu'),
                            device='cpu')


def _pictures(
    number: int
) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, np.ndarray]]:
    """Return pictures of noise, masks of somebody upright, and a camera."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
                for _ in range(number)]
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[SIDE // 5:SIDE * 4 // 5, SIDE * 2 // 5:SIDE * 3 // 5] = 255
    camera = dict(f=np.array([1145.0, 1144.0]), c=np.array([512.0, 515.0]),
                  k=np.array([-0.2, 0.24, -0.003]),
                  p=np.array([-0.0014, -0.001]))
    return pictures, [mask] * number, camera
