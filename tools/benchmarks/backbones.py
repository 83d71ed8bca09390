"""What each backbone costs: weights, arithmetic, time, and what it can do."""
from __future__ import annotations

import copy
import importlib.util
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from xas_mmpose.apis.export import ExportableDetector, check_onnx, export_onnx

from .measuring import clock
from .naive_twin import Batch
from .step import Product

_CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
#: What the names of the other configs begin with; this one is ResNet-50's.
REFERENCE = 'xas_h36m'
#: Around the table in docs/backbones.md.
MARKS = '<!-- table of backbones -->', '<!-- end of table -->'
#: Columns that are the same on every machine, then the others: title, and
#: the figure.
STATIC = {'channels': 'channels', 'stride': 'stride',
          'parameters (M)': 'parameters_m', 'FLOPs (G)': 'gflops'}
MEASURED = {'forward (ms)': 'forward_ms', 'trains': 'trains', 'ONNX': 'onnx'}

Figure = float | str


def backbone_configs() -> dict[str, Path]:
    """Return the configs by the names of their backbones.

    Those that need a package which is not installed are left out.
    """
    paths = {'res50': _CONFIGS / f'{REFERENCE}.py'}
    for path in sorted(_CONFIGS.glob(f'{REFERENCE}_*.py')):
        text = path.read_text(encoding='utf-8')
        if '_base_/any_' in text and (
                'mmpretrain' not in text
                or importlib.util.find_spec('mmpretrain')):
            paths[path.stem.removeprefix(f'{REFERENCE}_')] = path
    return paths


def bench_backbones(repeats: int, quick: bool
                    ) -> Iterator[tuple[str, Figure]]:
    """Measure each backbone with its head.

    ``forward_ms`` is the least time of some rounds, from one patch to the
    scores of its volumes: no crop, no decoding. ``trains``: an iteration with
    all losses of both stages, after which all weights are finite, and others
    than before. ``onnx``: the file that
    :func:`~xas_mmpose.apis.export.export_onnx` writes gives the key points
    and depth profiles that PyTorch gives, to 0.01 px and 1e-5, for 1 and for 3
    crops. Weights are random.
    """
    _quiet()
    for name, path in backbone_configs().items():
        if quick and name != 'mobilenetv2':
            continue
        config = _config(path, 64 if quick else 256)
        # Before it is built: HRFormer writes into its config.
        for key, value in static_figures(config).items():
            yield f'{name}/{key}', value
        model, trains = _train(config)
        yield f'{name}/trains', trains
        picture = torch.rand(1, 3, *model.head.decoder.input_size)
        yield f'{name}/forward_ms', _least_ms(model.eval(), picture, repeats)
        yield f'{name}/onnx', _export(model, config)


def static_figures(config: Config) -> dict[str, float]:
    """Count what does not depend on the machine.

    Parameters are those that predict: without the physique network's. FLOPs
    are multiplications with their additions, as in MMPose's tables, of
    convolutions, matrix products and attention; PyTorch counts them on a
    patch without contents.
    """
    model = MODELS.build(copy.deepcopy(config.model)).eval()
    width, height = model.head.decoder.input_size
    weights = sum(value.numel() for name, value in model.named_parameters()
                  if not name.startswith('head.pretext.'))
    patch = torch.zeros(1, 3, height, width, device='meta')
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        feats = model.to('meta').extract_feat(patch)
        model.head(feats)
    feature_map = feats[model.head.in_index]
    return dict(channels=feature_map.shape[1],
                stride=width / feature_map.shape[-1],
                parameters_m=weights / 1e6,
                gflops=counter.get_total_flops() / 2e9)


def _quiet() -> None:
    """Register all there is, and do not tell each weight's initialisation."""
    init_default_scope('mmpose')
    MMLogger.get_instance('mmengine', log_level='ERROR')


def _config(path: Path, size: int) -> Config:
    """Read a config for patches of so many px, with random weights."""
    config = Config.fromfile(path)
    config.model.backbone.init_cfg = None
    # A volume of a quarter of the patch, as the config's.
    config.codec.update(input_size=(size, size),
                        heatmap_size=(size // 4, ) * 3)
    config.model.head.decoder = config.codec
    return config


def _train(config: Config) -> tuple[nn.Module, str]:
    """Train one iteration; return the model and whether that went well."""
    size = config.codec.input_size[0]
    torch.manual_seed(0)
    product = Product(config, Batch(
        real=torch.rand(1, 3, size, size),
        masks=(torch.rand(1, 1, size, size) > 0.5).float(),
        synthetic=torch.rand(1, 3, size, size),
        poses=torch.rand(1, 18, 3) - 0.5))
    model = product.model
    before = [value.detach().clone() for value in model.parameters()]
    product.iterate()
    moved = [not torch.equal(old, new)
             for old, new in zip(before, model.parameters())]
    finite = all(torch.isfinite(value).all() for value in model.parameters())
    return model, 'yes' if any(moved) and finite else 'no'


def _least_ms(model: nn.Module, picture: torch.Tensor, repeats: int) -> float:
    """Return the least time of a forward pass, after one that warms up."""
    times = []
    with torch.no_grad():
        for _ in range(repeats + 1):
            start = clock()
            model.head(model.extract_feat(picture))
            times.append(clock() - start)
    return min(times[1:]) * 1000


def _export(model: nn.Module, config: Config) -> str:
    """Write an ONNX file, compare it; 'yes', or why not."""
    # What MMPose's init_model gives a model.
    model.cfg = config
    model.dataset_meta = parse_pose_metainfo(config.dataset_info)
    width, height = model.head.decoder.input_size
    crops = np.random.default_rng(0).integers(
        256, size=(3, 3, height, width), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'model.onnx'
        try:
            export_onnx(model, path, depth_profiles=True)
            deviations = check_onnx(
                path, ExportableDetector(model, depth_profiles=True), crops,
                batches=(1, 3))
        # The exporter's and the runtime's errors are of many kinds.
        except Exception as error:
            line = str(error).strip().splitlines()[0][:80]
            return f'no: {type(error).__name__}: {line}'
    # Not hypotheses, whose order near-ties of random weights decide.
    pixels, profiles = (deviations[name]
                        for name in ('keypoints', 'depth_profiles'))
    return 'yes' if pixels <= 0.01 and profiles <= 1e-5 else (
        f'no: {pixels:.2g} px off, depth profiles {profiles:.2g}')


def table_of(figures: Mapping[str, Figure]) -> str:
    """Write figures as a table in Markdown, the least FLOPs first."""
    names = dict.fromkeys(key.split('/')[0] for key in figures
                          if key.endswith('/gflops'))
    columns = {**STATIC, **MEASURED}
    lines = [f'| config | {" | ".join(columns)} |',
             f'|---|{"---:|" * (len(columns) - 2)}---|---|']
    for name in sorted(names, key=lambda name: figures[f'{name}/gflops']):
        config = REFERENCE if name == 'res50' else f'{REFERENCE}_{name}'
        cells = [_cell(figures[f'{name}/{key}']) for key in columns.values()]
        lines.append(f'| `{config}` | {" | ".join(cells)} |')
    return '\n'.join(lines)


def _cell(value: Figure) -> str:
    if isinstance(value, str):
        return value
    return f'{value:.0f}' if value == int(value) or value >= 100 else (
        f'{value:.1f}')


def write_table(page: Path, figures: Mapping[str, Figure]) -> None:
    """Put the table of figures between the marks of a page.

    Raises:
        ValueError: If the page lacks the marks.
    """
    before, _, after = _parts(page)
    page.write_text(f'{before}{MARKS[0]}\n{table_of(figures)}\n{MARKS[1]}'
                    f'{after}', encoding='utf-8')


def _parts(page: Path) -> tuple[str, str, str]:
    """Return what stands before, between and after the marks of a page."""
    text = page.read_text(encoding='utf-8')
    parts = re.split('|'.join(map(re.escape, MARKS)), text)
    if len(parts) != 3:
        raise ValueError(f'{page} lacks the lines {MARKS[0]} and {MARKS[1]}')
    return parts[0], parts[1], parts[2]


def drift_of(page: Path) -> list[str]:
    """Return what of a page's table is no longer so on any machine.

    Args:
        page: The page.

    Returns:
        What differs in the static columns, or is missing, a line each.
    """
    _quiet()
    rows = {}
    for line in _parts(page)[1].strip().splitlines()[2:]:
        name, *cells = (cell.strip() for cell in line.strip('| ').split('|'))
        rows[name.strip('`')] = cells[:len(STATIC)]
    faults = []
    for path in backbone_configs().values():
        figures = static_figures(_config(path, 256))
        expected = [_cell(figures[key]) for key in STATIC.values()]
        found = rows.get(path.stem)
        if found != expected:
            faults.append(f'{path.stem}: the table says {found}, but '
                          f'{", ".join(STATIC)} are {expected}')
    names = {path.stem for path in _CONFIGS.glob('*.py')}
    faults += [f'{name}: there is no such config'
               for name in rows if name not in names]
    return faults
