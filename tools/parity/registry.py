"""Components, the numbers that they are held against, and verdicts."""
from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

OK = 'ok'
FAILED = 'FAILED'
NO_FILE = 'no file'
SKIPPED = 'skipped: install scikit-fmm'


@dataclass(frozen=True)
class Deviation:
    """How far one array is from its golden.

    Attributes:
        array: Name of the golden array.
        value: The largest deviation; infinite where a shape is wrong or
            something is not finite.
        tolerance: What is allowed.
        relative: Whether both are relative to the array's largest magnitude.
    """

    array: str
    value: float
    tolerance: float
    relative: bool

    @property
    def ok(self) -> bool:
        """Whether the deviation is allowed."""
        return self.value <= self.tolerance

    @property
    def badness(self) -> tuple[float, float]:
        """Order of deviations: by their share of the tolerance."""
        share = self.value / self.tolerance if self.tolerance else self.value
        return share, self.value

    def __str__(self) -> str:
        unit = '' if self.relative else ' abs'
        return f'{self.value:.1e}{unit}'


class Golden(Mapping[str, Any]):
    """Arrays of one file, and which of them were read.

    Args:
        path: An ``.npz`` or ``.json`` file.
    """

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        if path.suffix == '.json':
            self._arrays = json.loads(path.read_text())
        else:
            with np.load(path) as file:
                self._arrays = dict(file)
        self.unread = set(self._arrays)

    def __getitem__(self, key: str) -> Any:
        value = self._arrays[key]
        self.unread.discard(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def tensor(self, key: str) -> torch.Tensor:
        """Return a copy of an array as a tensor."""
        return torch.from_numpy(np.array(self[key]))

    def double(self, key: str) -> Any:
        """Return an array in float64."""
        return np.asarray(self[key], np.float64)

    def under(self, prefix: str) -> dict[str, torch.Tensor]:
        """Return the tensors below a prefix, named without it."""
        return {key.removeprefix(prefix): self.tensor(key)
                for key in self if key.startswith(prefix)}


class Comparison:
    """Collect the deviations of one component.

    Args:
        golden: What it is held against.
    """

    def __init__(self, golden: Golden) -> None:
        self.golden = golden
        self.deviations: list[Deviation] = []

    def close(self, array: str, got: ArrayLike, tolerance: float, *,
              want: ArrayLike | None = None,
              where: np.ndarray | None = None) -> None:
        """Compare relative to the largest magnitude of the golden array.

        Args:
            array: Name of the golden array.
            got: What this package computes.
            tolerance: Largest relative deviation.
            want: The golden values if ``array`` needs some turning first.
            where: Entries that count; all by default.
        """
        self._add(array, got, tolerance, want, where, relative=True)

    def within(self, array: str, got: ArrayLike, tolerance: float, *,
               want: ArrayLike | None = None,
               where: np.ndarray | None = None) -> None:
        """Compare absolutely; for the arguments see :meth:`close`."""
        self._add(array, got, tolerance, want, where, relative=False)

    def equal(self, array: str, got: ArrayLike, *,
              want: ArrayLike | None = None,
              where: np.ndarray | None = None) -> None:
        """Compare without tolerance; see :meth:`close`."""
        self._add(array, got, 0.0, want, where, relative=False)

    def _add(self, array: str, got: ArrayLike, tolerance: float,
             want: ArrayLike | None, where: np.ndarray | None,
             relative: bool) -> None:
        want = _numbers(self.golden[array] if want is None else want)
        got = _numbers(got)
        value = np.inf
        if got.shape == want.shape:
            if where is not None:
                got, want = got[where], want[where]
            apart = np.abs(got - want).max(initial=0)
            scale = np.abs(want).max(initial=0) if relative else 1
            if np.isfinite(apart):
                value = float(apart / scale if scale else apart)
        self.deviations.append(Deviation(array, value, tolerance, relative))


def _numbers(values: ArrayLike) -> np.ndarray:
    """Return float64 values of an array or tensor."""
    if isinstance(values, torch.Tensor):
        values = values.detach().numpy()
    return np.asarray(values, np.float64)


Check = Callable[[Comparison], None]


@dataclass(frozen=True)
class Component:
    """A part of the package that goldens exist for.

    Attributes:
        name: Its name in the table.
        file: The golden file.
        check: Function that compares.
        needs_skfmm: Whether it cannot be computed without scikit-fmm.
    """

    name: str
    file: str
    check: Check
    needs_skfmm: bool = False


@dataclass
class Result:
    """What came of one component.

    Attributes:
        component: The component.
        verdict: ``'ok'``, ``'FAILED'``, ``'no file'`` or ``'skipped: ...'``.
        deviations: All comparisons.
        error: What stopped the check, if anything did.
        unread: Golden arrays that nothing of this package corresponds to.
    """

    component: Component
    verdict: str
    deviations: list[Deviation] = field(default_factory=list)
    error: str | None = None
    unread: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether parity is not shown, though it should be."""
        return self.verdict in (FAILED, NO_FILE)

    @property
    def num_arrays(self) -> int:
        """Number of golden arrays that were compared."""
        return len({d.array for d in self.deviations})

    @property
    def worst(self) -> Deviation | None:
        """The deviation that is nearest to or furthest past its limit."""
        return max(self.deviations, key=lambda d: d.badness, default=None)


#: All components, in the order of the goldens' files.
COMPONENTS: list[Component] = []


def component(name: str, file: str,
              needs_skfmm: bool = False) -> Callable[[Check], Check]:
    """Register a check; see :class:`Component`."""

    def register(check: Check) -> Check:
        COMPONENTS.append(Component(name, file, check, needs_skfmm))
        COMPONENTS.sort(key=lambda c: c.file)
        return check

    return register


def run(component: Component, folder: Path) -> Result:
    """Hold one component against its golden file.

    Args:
        component: The component.
        folder: Folder of goldens.

    Returns:
        The result. Whatever goes wrong in a check is a failure of its
        component alone.
    """
    path = folder / component.file
    if not path.is_file():
        return Result(component, NO_FILE)
    if component.needs_skfmm and importlib.util.find_spec('skfmm') is None:
        return Result(component, SKIPPED)
    comparison, error = None, None
    try:
        comparison = Comparison(Golden(path))
        component.check(comparison)
    except Exception as e:
        error = f'{type(e).__name__}: {e}'
    if comparison is None:
        return Result(component, FAILED, error=error)
    deviations = comparison.deviations
    good = error is None and deviations and all(d.ok for d in deviations)
    return Result(component, OK if good else FAILED, deviations, error,
                  sorted(comparison.golden.unread))
