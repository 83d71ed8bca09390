"""Make the installed versions of MMPose and PyTorch work together.

This is the only place of the package that knows about versions. `apply()`
runs when the package is imported, before anything of `mmpose.models` is:

1. it refuses what cannot work and says what to install,
2. with mmcv-lite it provides an `mmcv._ext`, which MMPose needs to be there
   but never calls unless one of MMCV's compiled ops is really used,
3. it lets mmengine resume where `torch.load` reads weights only (PyTorch
   2.6 and later), by naming the few harmless classes its checkpoints hold.
"""
from __future__ import annotations

import functools
import importlib
import importlib.util
import pickle
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

#: From nothing: what to type in a checkout.
INSTALL = ('pip install -r requirements/runtime.txt && '
           'pip install --no-deps -r requirements/mminstall.txt')

#: What to type for one package that is missing or has a wrong version.
#: mmpose goes without dependencies: it lists chumpy, which it does not use
#: and which no longer builds.
CURES = {
    'torch': "pip install 'torch>=2.11,<2.13' 'torchvision>=0.26,<0.28'",
    'mmengine': 'pip install mmengine==0.10.7',
    # mmcv and mmcv-lite fill the same folder; mmcv==2.1.0 serves as well.
    'mmcv': 'pip uninstall -y mmcv mmcv-lite; pip install mmcv-lite==2.1.0',
    'mmdet': 'pip install --no-deps mmdet==3.2.0',
    'mmpose': 'pip install --no-deps mmpose==1.3.2',
    'numpy': "pip install 'numpy<2' 'opencv-python<4.12'",
    'xtcocotools': 'pip install xtcocotools==1.14.3',
    # mmengine 0.10.7 still imports it
    'pkg_resources': "pip install 'setuptools<81'",
}

#: Lowest version that works and first one that does not (None: none known).
#: MMCV's and MMEngine's are those that MMPose 1.3 accepts; on a CPU fused
#: Adam, which the configs train with, takes PyTorch 2.4.
SUPPORTED: dict[str, tuple[str, str | None]] = {
    'torch': ('2.4', None),
    'mmengine': ('0.7.1', '1.0.0'),
    'mmcv': ('2.0.0rc4', '3.0.1'),
    'mmpose': ('1.3.0', '2.0.0'),
}


def check_version(package: str, version: str) -> None:
    """Refuse a version that cannot work.

    Args:
        package: A key of `SUPPORTED`.
        version: The version that is installed, as in `__version__`.

    Raises:
        ImportError: The version is out of the supported range. The message
            names the range and the command that installs a good one.
    """
    from packaging.version import Version

    lowest, excluded = SUPPORTED[package]
    # A local part, as in '2.11.0+cu130', says nothing about the interface.
    found = Version(Version(version).public)
    if found < Version(lowest) or (excluded is not None
                                   and found >= Version(excluded)):
        wanted = f'>={lowest}' + (f',<{excluded}' if excluded else '')
        raise ImportError(
            f'xas_mmpose needs {package}{wanted}, but {version} is '
            f'installed. Install it with:\n    {CURES[package]}')


def import_checked(package: str) -> ModuleType:
    """Import a package that must be there, and check its version.

    Args:
        package: torch, mmengine, mmcv, mmdet or mmpose.

    Returns:
        The package.

    Raises:
        ImportError: It, or something it imports, is missing or has a version
            that cannot work. The message says what to install.
    """
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        missing = (error.name or package).partition('.')[0]
        what = (f'xas_mmpose needs {package}' if missing == package else
                f'{package} needs {missing}')
        cure = CURES.get(missing, f'pip install {missing}')
        raise ImportError(
            f'{what}, which is not installed. Install it with:\n'
            f'    {cure}\nor all that is needed, in a checkout of '
            f'xas_mmpose, with:\n    {INSTALL}') from error
    except AssertionError as error:
        # MMPose and MMDetection assert each other's versions on import, and
        # their text says which one to change.
        raise ImportError(
            f'{package} does not accept a version that is installed: {error} '
            f'Versions that work together:\n    {CURES["mmengine"]}\n'
            f'    {CURES["mmcv"]}\n    {CURES["mmdet"]}\n'
            f'    {CURES["mmpose"]}') from error
    if package in SUPPORTED:
        check_version(package, module.__version__)
    return module


def check_xtcocotools() -> None:
    """Refuse an xtcocotools that was built against another numpy.

    Its wheel on PyPI is built against numpy 1 and cannot be imported beside
    numpy 2. Whether it can is tried, because one that was built from source
    runs with either.

    Raises:
        ImportError: It is missing, or does not fit numpy.
    """
    try:
        importlib.import_module('xtcocotools._mask')
    except ModuleNotFoundError as error:
        raise ImportError(
            'MMPose needs xtcocotools, which is not installed. Install it '
            f'with:\n    {CURES["xtcocotools"]}') from error
    except (ImportError, ValueError) as error:
        import numpy as np
        raise ImportError(
            f'xtcocotools cannot be imported beside numpy {np.__version__} '
            f'({error}). Its wheel is built against numpy 1: install that '
            f'with:\n    {CURES["numpy"]}\nor build xtcocotools for your '
            'numpy, which needs a compiler:\n'
            '    pip install --no-cache-dir --no-binary xtcocotools '
            'xtcocotools') from error


def _raise_missing_op(name: str, *args: Any, **kwargs: Any) -> NoReturn:
    raise RuntimeError(
        f'The compiled MMCV op {name!r} was called, but mmcv-lite is '
        'installed, which has no compiled ops. Nothing of xas_mmpose needs '
        'them; the model or transform you use does. Install the full MMCV '
        'instead:\n    pip uninstall -y mmcv-lite && pip install mmcv==2.1.0')


class _MissingOps(ModuleType):
    """Stand-in for `mmcv._ext`: has any op by name, and none that runs."""

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        # Python itself looks for names such as __path__ on modules.
        if name.startswith('__'):
            raise AttributeError(name)
        return functools.partial(_raise_missing_op, name)


def provide_mmcv_ext() -> bool:
    """Provide `mmcv._ext` where MMCV comes without it.

    `mmpose.models` imports heads that load compiled ops by name when they are
    imported. A full MMCV is left alone, a broken one as well: what is wrong
    with it is better said by itself.

    Returns:
        Whether the stand-in is in place.
    """
    name = 'mmcv._ext'
    present = sys.modules.get(name)
    if present is not None:
        return isinstance(present, _MissingOps)
    if importlib.util.find_spec(name) is not None:
        return False
    module = _MissingOps(name, 'No compiled ops: see xas_mmpose.compat.')
    # No loader: mmcv.utils.check_ops_exist() goes on to answer False.
    module.__spec__ = ModuleSpec(name, loader=None)
    sys.modules[name] = module
    importlib.import_module('mmcv')._ext = module  # type: ignore[attr-defined]
    return True


def _method_of_checkpoint(owner: Any, name: str) -> Any:
    """Stand in for `getattr` while a checkpoint is read.

    mmengine's message hub and 1cycle schedules hold methods of their own
    classes, which pickle stores as calls of `getattr`. `getattr` itself must
    not be allowed: it reaches everything from anywhere.
    """
    from mmengine.logging import HistoryBuffer
    from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

    harmless = {
        HistoryBuffer: ('min', 'max', 'current', 'mean'),
        OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear'),
    }
    if isinstance(owner, type) and name in harmless.get(owner, ()):
        return getattr(owner, name)
    raise pickle.UnpicklingError(
        f'Refused to read attribute {name!r} of {owner!r}: no checkpoint of '
        'mmengine holds it.')


def allow_mmengine_checkpoints() -> None:
    """Let `torch.load` read mmengine's checkpoints with `weights_only` on.

    Since PyTorch 2.6 that is its default, and mmengine 0.10.7 was written
    before. Allowed are the classes of the log history and of numpy's plain
    arrays and numbers; all else is refused as before. Earlier versions of
    PyTorch read checkpoints without restriction, and are left as they are.
    """
    import torch
    from packaging.version import Version

    if Version(torch.__version__) < Version('2.6'):
        return

    import numpy as np
    from mmengine.logging import HistoryBuffer
    from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

    multiarray = importlib.import_module(
        'numpy.core.multiarray' if Version(np.__version__) < Version('2') else
        'numpy._core.multiarray')
    allowed: list[Any] = [
        HistoryBuffer,
        OneCycleParamScheduler,
        np.ndarray,
        np.dtype,
        # Floating-point, integer, boolean and text arrays, but no objects.
        *{type(np.dtype(code)) for code in '?bBhHiIlLqQefdSU'},
        (_method_of_checkpoint, 'builtins.getattr'),
        # What an array without elements, as a metainfo's empty sigmas, is
        # made of.
        bytes,
    ]
    # numpy 2 moved these; a checkpoint names the place of the numpy it was
    # written with.
    for place in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        allowed += [(getattr(multiarray, name), f'{place}.{name}')
                    for name in ('_reconstruct', 'scalar')]
    torch.serialization.add_safe_globals(allowed)


def apply() -> None:
    """Check the environment and make it work; may run any number of times.

    Raises:
        ImportError: Something is missing or has a version that cannot work.
            The message says what to install.
    """
    for package in ('torch', 'mmengine', 'mmcv'):
        import_checked(package)
    check_xtcocotools()
    provide_mmcv_ext()
    import_checked('mmdet')
    import_checked('mmpose')
    allow_mmengine_checkpoints()
