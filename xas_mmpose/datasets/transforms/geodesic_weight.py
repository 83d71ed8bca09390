"""Weights of a mask's pixels in a pipeline."""
from __future__ import annotations

from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from xas_mmpose.ops import geodesic_weight

from .mask import MASK_THRESHOLD


@TRANSFORMS.register_module()
class GeodesicWeight(BaseTransform):
    """Weigh the mask's pixels by their way from the body's centre.

    Stands behind ``CubeAffine`` in the pipelines of target pictures whose
    mask losses are to be weighted: there, in the data loader's workers, it
    costs the training no time. Reads ``img_mask`` (H, W); writes
    ``mask_weights`` (1, H, W) float32. Needs scikit-fmm.

    Args:
        steepness: See :func:`~xas_mmpose.ops.geodesic_weight`.
        background: See there.
        offset: See there.
        reference: See there; every pixel above 0 is foreground then.

    Raises:
        ImportError: If scikit-fmm is not installed.
        ValueError: If a sample has no mask.
    """

    def __init__(self,
                 steepness: float = 2.0,
                 background: float = 3.0,
                 offset: float = 21.0,
                 reference: bool = False) -> None:
        self.options = dict(steepness=steepness, background=background,
                            offset=offset, reference=reference)

    def transform(self, results: dict) -> dict:
        """Add ``mask_weights``."""
        mask = results.get('img_mask')
        if mask is None:
            raise ValueError(
                f'{results.get("img_path")} has no img_mask to weigh: put '
                'LoadMask in front of GeodesicWeight')
        if not self.options['reference']:
            mask = mask > MASK_THRESHOLD
        weight = geodesic_weight(mask, **self.options)
        results['mask_weights'] = weight[None].astype('float32')
        return results

    def __repr__(self) -> str:
        options = ', '.join(f'{k}={v}' for k, v in self.options.items())
        return f'{type(self).__name__}({options})'
