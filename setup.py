"""Install xas_mmpose.

`pip install -e .` into an existing MMPose environment changes none of its
versions: only what such an environment may lack is required, without bounds.
Which versions of MMPose, MMCV and PyTorch work is checked on import, by
`xas_mmpose/compat.py`; what to install from nothing is in `requirements/`.
"""
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
#: What OpenMMLab's `mim` looks for in the folder `.mim` of a package.
MIM = ('configs', 'tools', 'model-index.yml')


def read_version() -> str:
    """Return the version without importing the package."""
    scope: dict = {}
    exec((ROOT / 'xas_mmpose' / 'version.py').read_text(), scope)
    return scope['__version__']


class BuildWithMim(build_py):
    """Put configs, tools and the model index beside the modules."""

    def run(self) -> None:
        """Build; an editable installation gets links, as MMPose's does."""
        super().run()
        if self.editable_mode:
            folder = ROOT / 'xas_mmpose' / '.mim'
            folder.mkdir(exist_ok=True)
            for name in MIM:
                if not (folder / name).is_symlink():
                    (folder / name).symlink_to(Path('..', '..', name))
            return
        folder = Path(self.build_lib) / 'xas_mmpose' / '.mim'
        for source in mim_files():
            target = folder / source.relative_to(ROOT)
            self.mkpath(str(target.parent))
            self.copy_file(str(source), str(target))


def mim_files() -> list[Path]:
    """Return the files that a wheel holds in `.mim`."""
    files = [path for name in MIM for path in (
        (ROOT / name).rglob('*') if (ROOT / name).is_dir() else [ROOT / name])]
    return sorted(path for path in files
                  if path.is_file() and '__pycache__' not in path.parts)


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
    cmdclass={'build_py': BuildWithMim},
    python_requires='>=3.10',
    install_requires=['smplx', 'threadpoolctl', 'tqdm'],
)
