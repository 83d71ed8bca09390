"""Train 3D pose estimation without pose labels, as a plugin for MMPose 1.x.

Importing this package registers everything it has with MMPose; a config does
so with `custom_imports = dict(imports=['xas_mmpose'])`.
"""
from . import compat
from .version import __version__

# Before anything that imports mmpose.models.
compat.apply()

# Importing registers.
from . import codecs, datasets, engine, evaluation, models  # noqa: E402

__all__ = [
    '__version__', 'codecs', 'compat', 'datasets', 'engine', 'evaluation',
    'models'
]
