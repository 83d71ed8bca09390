"""Real pictures that the demo tests on, where there are any."""
from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Layout(NamedTuple):
    """Where the files of a data set lie in its folder.

    Attributes:
        ann_file: The ``.npz``.
        cameras: The ``.pkl``.
        images: Folder of the pictures.
    """

    ann_file: str
    cameras: str
    images: str


#: What MMPose's converter writes, and the few frames of MMPose's own tests.
#: The first that is there is taken.
H36M = (
    (Layout('annotation_body3d/fps10/h36m_test.npz',
            'annotation_body3d/cameras.pkl', 'images'),),
    (Layout('annotation_body3d/fps50/h36m_test.npz',
            'annotation_body3d/cameras.pkl', 'images'),),
    (Layout('test_h36m_body3d.npz', 'cameras.pkl', ''),),
)
MPI_INF_3DHP = (
    (Layout('annotations/mpi_inf_3dhp_test_valid.npz',
            'annotations/cameras_test.pkl', 'images'),),
    (Layout('test_3dhp_train.npz', 'cameras_train.pkl', ''),
     Layout('test_3dhp_test.npz', 'cameras_test.pkl', '')),
)


def find_h36m(root: Path, masks: Path | None, num: int) -> list[dict]:
    """Return data set configs of Human3.6M's frames; see :func:`_find`."""
    return _find('XasHuman36mDataset', H36M, root, masks, num, 'h36m')


def find_mpi_inf_3dhp(root: Path, masks: Path | None,
                      num: int) -> list[dict]:
    """Return data set configs of MPI-INF-3DHP's; see :func:`_find`."""
    return _find('XasMpiInf3dhpDataset', MPI_INF_3DHP, root, masks, num,
                 'mpi')


def _find(dataset: str, layouts: tuple[tuple[Layout, ...], ...], root: Path,
          masks: Path | None, num: int, option: str) -> list[dict[str, Any]]:
    """Return data set configs of real frames, none without any.

    Args:
        dataset: The data set's class.
        layouts: What may lie in its folder.
        root: The folder.
        masks: Its masks, or None for ``root/masks``.
        num: Number of frames that are taken at most of each file, evenly
            spaced.
        option: What the demo's options begin with.

    Raises:
        FileNotFoundError: Frames are there but no cameras or masks.
    """
    found = [layout for layout in layouts
             if all((root / part.ann_file).is_file() for part in layout)]
    if not found:
        return []
    masks = (masks or root / 'masks').resolve()
    configs = []
    for part in found[0]:
        for path, cure in (
                (root / part.cameras, 'it comes with the annotations'),
                (masks, f'say where they are: --{option}-masks')):
            if not path.exists():
                raise FileNotFoundError(
                    f'{root} has frames of {dataset} but {path} is missing; '
                    f'{cure}')
        with np.load(root / part.ann_file) as arrays:
            total = len(arrays['imgname'])
        chosen = np.linspace(0, total - 1, min(num, total)).round()
        configs.append(dict(
            type=dataset,
            data_root=str(root.resolve()),
            ann_file=part.ann_file,
            camera_param_file=part.cameras,
            data_prefix=dict(img=part.images, mask=str(masks)),
            # All files are looked for, which would take long for a whole
            # set.
            check_files=total <= num,
            indices=chosen.astype(int).tolist()))
    return configs
