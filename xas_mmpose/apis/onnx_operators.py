"""Operations that ONNX has not, by those that it has."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

#: Of the crops that a graph is traced by: a number that no size of a network
#: is likely to be a multiple of.
EXAMPLE_CROPS = 5


class _Scanned(NamedTuple):
    """Result of a running maximum, without places."""

    values: Tensor


class OnnxOperators(TorchFunctionMode):
    """While active, PyTorch's functions do what ONNX can say.

    The results are the same: they are of another make only.
    ``sort`` and ``argsort`` become ONNX's ``TopK``, which of equals takes
    the first, as a stable sort does.
    """

    def __torch_function__(self, func: Callable, types: Sequence[type],
                           args: Sequence[Any] = (),
                           kwargs: Mapping[str, Any] | None = None) -> Any:
        """Call the substitute of a function, or the function itself."""
        with torch._C.DisableTorchFunctionSubclass():
            substitute = _SUBSTITUTES.get(getattr(func, '__name__', ''), func)
            return substitute(*args, **(kwargs or {}))


def _sort(values: Tensor, dim: int = -1, descending: bool = False,
          stable: bool = False) -> Any:
    return values.topk(values.shape[dim], dim, largest=descending)


def _argsort(values: Tensor, dim: int = -1, descending: bool = False,
             stable: bool = False) -> Tensor:
    return _sort(values, dim, descending).indices


def _cummax(values: Tensor, dim: int) -> _Scanned:
    return _scan(values, dim, torch.maximum)


def _cummin(values: Tensor, dim: int) -> _Scanned:
    return _scan(values, dim, torch.minimum)


def _scan(values: Tensor, dim: int,
          better: Callable[[Tensor, Tensor], Tensor]) -> _Scanned:
    """Compare with what is 1, 2, 4, ... places in front."""
    size, step = int(values.shape[dim]), 1
    while step < size:
        begun = values.narrow(dim, 0, step)
        here = values.narrow(dim, step, size - step)
        front = values.narrow(dim, 0, size - step)
        values = torch.cat([begun, better(here, front)], dim)
        step *= 2
    return _Scanned(values)


def _cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Leave out what is empty, whose shape onnxruntime gets wrong."""
    return torch.cat([one for one in tensors
                      if int(one.shape[dim]) > 0], dim)


def _adaptive_avg_pool2d(values: Tensor, output_size: Any) -> Tensor:
    """Pool by a kernel of fixed size: pictures have one, the graph none."""
    sizes = [int(size) for size in values.shape[-2:]]
    wanted = (output_size if isinstance(output_size, (tuple, list))
              else [output_size] * 2)
    kernel = [size // int(to) for size, to in zip(sizes, wanted)]
    if [k * int(to) for k, to in zip(kernel, wanted)] != sizes:
        return F.adaptive_avg_pool2d(values, output_size)
    return F.avg_pool2d(values, kernel)


def _layer_norm(values: Tensor, normalized_shape: Sequence[Any],
                *args: Any, **kwargs: Any) -> Tensor:
    """Take sizes for numbers, though they are those of a tensor."""
    return F.layer_norm(values, [int(size) for size in normalized_shape],
                        *args, **kwargs)


def _reshape(values: Tensor, *shape: Any) -> Tensor:
    """Leave a number of crops open that Python has computed.

    It is known by being a multiple of the example's number.
    """
    sizes = shape[0] if isinstance(shape[0], (tuple, list)) else shape
    result = values.reshape(sizes)
    if (sizes and type(sizes[0]) is int and sizes[0] > 0
            and sizes[0] % EXAMPLE_CROPS == 0):
        return values.reshape(-1, *map(int, result.shape[1:]))
    return result


def _getitem(values: Tensor, index: Any) -> Tensor:
    """Take rows (B, C) of values (B, N, ...) by ``gather``.

    ``values[arange(len(rows))[:, None], rows]`` would hold the number of
    rows of the example.
    """
    if not (isinstance(index, tuple) and len(index) == 2
            and all(isinstance(one, Tensor) and one.ndim == 2
                    for one in index) and int(index[0].shape[1]) == 1):
        return values[index]
    rows = index[1]
    for _ in range(values.ndim - 2):
        rows = rows[..., None]
    return values.gather(1, rows.expand(-1, -1, *values.shape[2:]))


_SUBSTITUTES: dict[str, Callable] = dict(
    sort=_sort, argsort=_argsort, cummax=_cummax, cummin=_cummin, cat=_cat,
    __getitem__=_getitem, adaptive_avg_pool2d=_adaptive_avg_pool2d,
    layer_norm=_layer_norm, view=_reshape, reshape=_reshape)
