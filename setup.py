"""Install xas_mmpose.

`pip install -e .` into an existing MMPose environment changes none of its
versions: only what such an environment may lack is required, without bounds.
Which versions of MMPose, MMCV and PyTorch work is checked on import, by
`xas_mmpose/compat.py`; what to install from nothing is in `requirements/`.
"""
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def read_version() -> str:
    """Return the version without importing the package."""
    scope: dict = {}
    exec((ROOT / 'xas_mmpose' / 'version.py').read_text(), scope)
    return scope['__version__']


setup(
    name='xas_mmpose',
    version=read_version(),
    description='3D pose from images without pose labels, as an MMPose plugin',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    classifiers=[
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
    ],
    packages=find_packages(include=['xas_mmpose', 'xas_mmpose.*']),
    package_data={'xas_mmpose.body_models': ['data/*', 'data/quadrupeds/*']},
    python_requires='>=3.10',
    install_requires=['smplx', 'threadpoolctl', 'tqdm'],
)
