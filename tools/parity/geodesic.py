"""Golden 08, and the weights of golden 14: geodesic weights."""
from __future__ import annotations

from xas_mmpose.datasets.transforms import GeodesicWeight
from xas_mmpose.ops import geodesic_weight

from .registry import Comparison, component

TOLERANCE = 1e-6


@component('geodesic weight', '08_geodesic.npz', needs_skfmm=True)
def check(c: Comparison) -> None:
    """Compare weights of whole, holed, parted and soft masks."""
    g = c.golden

    def options(name: str) -> dict[str, float]:
        steepness, base, background, extra, _ = g[name].tolist()
        return dict(steepness=steepness, background=background,
                    offset=base + extra)

    usual = options('params')
    for mask, weight, centers, chosen in (
            ('person', 'person_weight', None, usual),
            ('ring', 'ring_weight', None, usual),
            ('two_parts', 'two_parts_weight', None, usual),
            ('soft', 'soft_weight', None, usual),
            ('person', 'person_weight_given_centers', g['centers_given'],
             usual),
            ('person', 'person_weight_center_outside', g['centers_outside'],
             usual),
            ('person', 'person_weight_other_params', None,
             options('other_params'))):
        got = geodesic_weight(g[f'{mask}_mask'][0], centers, reference=True,
                              **chosen)
        c.close(weight, got[None], TOLERANCE)
        if centers is None and chosen is usual:
            c.equal(f'{mask}_out_is_float16', got.dtype == 'float16')


@component('loader weights', '14_loader_items.npz', needs_skfmm=True)
def check_loader(c: Comparison) -> None:
    """Compare the weights of both loaders' masks."""
    for name in ('hm36', 'mpi'):
        mask = c.golden[f'{name}_mask'][0]
        got = GeodesicWeight(reference=True)(dict(img_mask=mask))
        c.close(f'{name}_geodesic_dis', got['mask_weights'].squeeze(),
                TOLERANCE, want=c.golden[f'{name}_geodesic_dis'].squeeze())
