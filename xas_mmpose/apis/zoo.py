"""Models by their names: those whose weights lie in the checkout."""
from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml


def models_root(package: Path) -> Path:
    """Return the folder of ``configs``, and of the weights that they name.

    Args:
        package: The folder of the package: in a checkout the configs lie
            beside it, in an installation in its ``.mim``.
    """
    beside = package.parent
    return (beside if (beside / 'model-index.yml').is_file() else
            package / '.mim')


#: See :func:`models_root`.
ROOT = models_root(Path(__file__).resolve().parents[1])


class Model(NamedTuple):
    """A model that can be used as it is.

    Attributes:
        config: Its config.
        checkpoint: Its weights.
    """

    config: Path
    checkpoint: Path


def find_model(name: str, root: Path = ROOT) -> Model:
    """Return a model whose weights are at hand.

    Args:
        name: Name of a model in ``configs/*_metafile.yml``; or what such a
            file's name begins with, for the first model in it that has
            weights: ``'xas_mini'`` for ``xas_mini_metafile.yml``.
        root: Folder of ``configs``, and of the weights that they name.

    Raises:
        ValueError: If there is no such name, or no weights of it; says which
            names there are.
    """
    models, families = {}, {}
    for metafile in sorted((root / 'configs').glob('*_metafile.yml')):
        family = metafile.name.removesuffix('_metafile.yml')
        for entry in yaml.safe_load(metafile.read_text())['Models'] or ():
            weights = entry.get('Weights')
            if weights and (root / weights).is_file():
                model = Model(root / entry['Config'], root / weights)
                models[entry['Name']] = model
                families.setdefault(family, model)
    known = {**families, **models}
    if name not in known:
        there = ('those that have weights are '
                 f'{", ".join(sorted(known))}' if known else
                 f'there are no weights below {root}: they come with the '
                 'repository, not with a wheel')
        raise ValueError(f'{name!r} is neither a config file nor the name of '
                         f'a model with weights; {there}. Or give '
                         'checkpoint=, with a config file or its name')
    return known[name]
