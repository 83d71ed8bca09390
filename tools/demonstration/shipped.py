"""The weights that come with the repository."""
from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
METAFILE = ROOT / 'configs' / 'xas_mini_metafile.yml'


class Shipped(NamedTuple):
    """A model that is handed out.

    Attributes:
        config: Its config.
        weights: Its checkpoint.
    """

    config: Path
    weights: Path


def find_shipped(metafile: Path = METAFILE) -> Shipped | None:
    """Return the first model of a metafile whose weights are there.

    Args:
        metafile: Names models, their configs and, relative to the
            repository, their weights.

    Returns:
        The model, or None where no weights are.
    """
    if not metafile.is_file():
        return None
    root = metafile.resolve().parents[1]
    for model in yaml.safe_load(metafile.read_text())['Models']:
        weights = model.get('Weights')
        if weights and (root / weights).is_file():
            return Shipped(root / model['Config'], root / weights)
    return None
