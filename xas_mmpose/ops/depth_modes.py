"""From a depth profile to several depths per key point."""
from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .marginals import expectation


class DepthModes(NamedTuple):
    """The M most likely depths, most likely first.

    Attributes:
        index: Refined depth in bins (..., M); bin d's centre is d.
        confidence: Probability of the mode's bin (..., M), descending. 0
            says that the profile has no such mode; its ``index`` repeats
            the first one then.
        mass: Probability of the mode's window (..., M), 0 where the mode is
            missing: how likely the depth is one of this mode's.
        peak: Bin of the mode (..., M), long.
    """

    index: Tensor
    confidence: Tensor
    mass: Tensor
    peak: Tensor


def depth_modes(profile: Tensor,
                num_hypotheses: int,
                window: int = 15,
                min_height: float = 0.01,
                reference: bool = False) -> DepthModes:
    """Find the highest peaks of depth profiles and refine each locally.

    Sec. 3.1 of arXiv 2411.13026: a mode's depth is the mean bin inside a
    window around its peak. Gradients reach the profile through that mean and
    through the confidence, not through the choice of the peaks.

    Args:
        profile: Probabilities (..., D), front to back.
        num_hypotheses: Number M of modes that are returned; of equally high
            ones the nearer comes first.
        window: Odd width of the refinement window in bins.
        min_height: Share of the highest peak that a mode must reach; lower
            ones are ripples of the softmax's tails.
        reference: Decode as the authors' released code does, see the note.

    Returns:
        The modes.

    Raises:
        ValueError: If M, the window or the number of bins is out of range.

    Note:
        The released code never takes the first or last bin for a peak,
        takes every bin of a plateau for one, lets the windows of close peaks
        share mass (which draws their depths together), returns arbitrary
        bins where a profile has fewer than M peaks and NaN where a window
        is empty. By default a border bin can be a peak, a plateau is one
        peak at its centre, every bin belongs to the nearest peak's window
        only (on a tie to the likelier peak's), ripples are no modes, and a
        missing mode has confidence 0. ``reference=True`` restores border
        bins, plateaus, shared windows and ripples, for published weights;
        missing modes and NaN stay mended.

    Example:
        >>> profile = torch.tensor([0.1, 0.5, 0.1, 0.0, 0.3, 0.0])
        >>> modes = depth_modes(profile, num_hypotheses=3, window=3)
        >>> [round(d, 2) for d in modes.index.tolist()]
        [1.0, 4.0, 1.0]
        >>> [round(c, 2) for c in modes.confidence.tolist()]
        [0.5, 0.3, 0.0]
    """
    num_bins = profile.shape[-1]
    if not 1 <= num_hypotheses <= num_bins:
        raise ValueError(f'num_hypotheses must be in 1..{num_bins}, the '
                         f'number of depth bins, got {num_hypotheses}')
    if window < 1 or window % 2 == 0:
        raise ValueError(f'window must be odd and positive, got {window}')
    if not 0 <= min_height <= 1:
        raise ValueError(f'min_height must be in 0..1, got {min_height}')
    with torch.no_grad():
        is_peak = (_reference_peaks(profile)
                   if reference else _plateau_centers(profile))
        height = torch.where(is_peak, profile, -torch.ones_like(profile))
        # Of equal peaks the nearer one comes first; topk takes any.
        top, peak = (sorted_[..., :num_hypotheses] for sorted_ in height.sort(
            dim=-1, descending=True, stable=True))
        lowest = 0 if reference else min_height * top[..., :1]
        found = (top > 0) & (top >= lowest)
        peak = torch.where(found, peak, peak[..., :1])
        bins = torch.arange(num_bins, device=profile.device)
        distance = (bins - peak[..., None]).abs()
        inside = distance <= window // 2
        if not reference:
            # Hypotheses that are missing must not own a bin.
            far = distance.masked_fill(~found[..., None], num_bins)
            # argmin takes the first of equals: the likelier peak.
            owner = far.argmin(-2, keepdim=True)
            order = torch.arange(num_hypotheses, device=profile.device)
            inside = inside & (owner == order[:, None])
    mass = profile[..., None, :] * inside
    total = mass.sum(-1)
    # A window whose mass underflowed falls back to its peak.
    empty = total <= torch.finfo(profile.dtype).tiny
    index = torch.where(empty, peak.to(profile.dtype),
                        expectation(mass) / total.masked_fill(empty, 1))
    index = torch.where(found, index, index[..., :1])
    confidence = profile.gather(-1, peak) * found
    return DepthModes(index, confidence, total * found, peak)


def _reference_peaks(profile: Tensor) -> Tensor:
    """Mark inner bins that are at least as high as both neighbours."""
    inner = profile[..., 1:-1]
    peak = (inner >= profile[..., :-2]) & (inner >= profile[..., 2:])
    return F.pad(peak, (1, 1))


def _plateau_centers(profile: Tensor) -> Tensor:
    """Mark the central bin of each run that tops both its neighbours."""
    num_bins = profile.shape[-1]
    bins = torch.arange(num_bins, device=profile.device)
    rises = F.pad(profile[..., 1:] > profile[..., :-1], (1, 0), value=True)
    falls = F.pad(profile[..., :-1] > profile[..., 1:], (0, 1), value=True)
    changes = F.pad(profile[..., 1:] != profile[..., :-1], (1, 0),
                    value=True)
    first = torch.where(changes, bins, 0).cummax(-1).values
    ends = torch.cat([changes[..., 1:], torch.ones_like(changes[..., :1])],
                     dim=-1)
    last = torch.where(ends, bins, num_bins - 1).flip(-1).cummin(-1).values
    last = last.flip(-1)
    center = torch.div(first + last, 2, rounding_mode='floor')
    return (bins == center) & rises.gather(-1, first) & falls.gather(-1, last)
