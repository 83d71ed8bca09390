"""Golden 02: skeletons drawn as soft lines."""
from __future__ import annotations

import torch
from torch import Tensor

from xas_mmpose.ops import skeleton_mask
from xas_mmpose.skeletons import HUMAN36M_18

from .registry import Comparison, component

#: The recording is float32: exact values are up to 1.3e-6 away from it.
VALUES, GRADIENTS = 4e-6, 1e-5
#: Links whose large maps are stored, of the first sample.
STORED_LINKS = (0, 6, 11, 13, 22)


@component('line renderer', '02_draw_lines.npz')
def check(c: Comparison) -> None:
    """Compare links, single lines, maxima and gradients at both sizes."""
    for prefix, links in (('links_ext', HUMAN36M_18.mask_links),
                          ('links', HUMAN36M_18.skeleton_links)):
        parents, children = zip(*links)
        c.equal(f'{prefix}_parent', parents)
        c.equal(f'{prefix}_child', children)
    for size in ('small', 'large'):
        _check_lines(c, size, 'plain', HUMAN36M_18.skeleton_links,
                     [1.0] * len(HUMAN36M_18.skeleton_links))
        _check_lines(c, size, 'ext', HUMAN36M_18.mask_links,
                     HUMAN36M_18.mask_link_widths)


def _check_lines(c: Comparison, size: str, kind: str, links: tuple,
                 factors: list) -> None:
    side = int(c.golden[f'{size}_size'])
    # Their grid is linspace(-1, 1, S): one unit is (S - 1) / 2 px.
    unit = (side - 1) / 2
    widths = torch.tensor(factors) * float(c.golden['body_width']) * unit**2

    def draw(keypoints: Tensor, chosen: slice) -> Tensor:
        return skeleton_mask((keypoints + 1) * unit, links[chosen],
                             widths[chosen], (side, side))

    keypoints = c.golden.tensor('keypoints').double().requires_grad_()
    mask = draw(keypoints, slice(None))
    lines = torch.cat([draw(keypoints, slice(i, i + 1))
                       for i in range(len(links))], 1)
    prefix = f'{size}_{kind}'
    c.close(f'{prefix}_max', mask, VALUES)
    c.close(f'{prefix}_line_sum', lines.sum((2, 3)), VALUES)
    if kind == 'plain':
        return
    if f'{prefix}_lines' in c.golden:
        c.close(f'{prefix}_lines', lines, VALUES)
    else:
        c.close(f'{prefix}_lines_sel', lines[:1, STORED_LINKS], VALUES)
    for name, drawn in (('grad_max', mask), ('grad_sum', lines)):
        gradient, = torch.autograd.grad(drawn.sum(), keypoints)
        c.close(f'{prefix}_{name}', gradient, GRADIENTS)
