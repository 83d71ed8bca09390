"""Golden 14: what the data loaders hand out."""
from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
from mmcv.transforms import Compose
from mmpose.registry import DATASETS, TRANSFORMS

from xas_mmpose.datasets.transforms import CubeAffine, RemoveBackground
from xas_mmpose.geometry.cameras import image_to_patch

from .coordinates import CUBE
from .registry import Comparison, component

TOLERANCE = 1e-6
#: "A few" between versions of OpenCV.
GREY_LEVELS = 5
PIXELS = 5e-4


@component('loader items', '14_loader_items.npz')
def check(c: Comparison) -> None:
    """Compare pictures, masks and labels of real and synthetic items."""
    g = c.golden
    size = int(g['patch'])
    cx, cy, w, h = g.double('box_cx_cy_w_h')
    results = CubeAffine((size, size), supersampling=1)(dict(
        img=g['image_bgr'], img_mask=g['mask'],
        bbox_center=np.array([[cx, cy]]), bbox_scale=np.array([[w, h]])))
    patch = image_to_patch(g.double('joints_image_mm'),
                           results['crop_affine'], np.zeros(()))
    patch = patch * [1, 1, size / CUBE]
    c.within('hm36_mask', results['img_mask'], GREY_LEVELS,
             want=g.double('hm36_mask')[0] * 255)
    for name in ('hm36', 'mpi'):
        c.within(f'{name}_trans_image', results['crop_affine'], PIXELS)
        c.within(f'{name}_joints', patch, PIXELS)
        # Behind the stored mask: its soft edge differs between versions.
        mask = np.rint(g.double(f'{name}_mask')[0] * 255).astype(np.uint8)
        shown = RemoveBackground()(dict(img=results['img'], img_mask=mask))
        c.within(f'{name}_img', shown['img'][..., ::-1], GREY_LEVELS,
                 want=g.double(f'{name}_img').transpose(1, 2, 0) * 255)
    _check_synthetic(c)


def _check_synthetic(c: Comparison) -> None:
    g = c.golden
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ('image', 'mask', 'joints'):
            (root / name).mkdir()
        cv2.imwrite(str(root / 'image/image_000000.png'),
                    g['synth_image_bgr'])
        cv2.imwrite(str(root / 'mask/mask_000000.png'), g['synth_mask01'])
        np.save(root / 'joints/joint_000000.npy', g['synth_joints_stored'])
        np.save(root / 'info.npy', np.array([0]))
        dataset = DATASETS.build(dict(type='SurrealPoseDataset',
                                      data_root=folder))
        height, width = g['synth_image_bgr'].shape[:2]
        steps = [dict(type='LoadImage'), dict(type='LoadMask'),
                 dict(type='GetCubeBox', rule='root'),
                 dict(type='CubeAffine', input_size=(width, height),
                      supersampling=1),
                 dict(type='RemoveBackground'),
                 dict(type='NormaliseKeypoints3D'),
                 dict(type='PackXasInputs')]
        item = Compose([TRANSFORMS.build(step) for step in steps])(
            dataset.get_data_info(0))
    rgb = item['inputs'].numpy()[::-1].astype(np.float64) / 255
    c.close('synth_img', rgb, TOLERANCE)
    labels = item['data_samples'].gt_instance_labels
    c.close('synth_joints', labels.keypoint_labels[0], TOLERANCE)
