"""Pictures of one's own: a folder of them and one of their masks."""
from __future__ import annotations

import mimetypes
import os
import warnings
from collections.abc import Iterator
from typing import Any

from mmpose.registry import DATASETS

from .base import BasePoseDataset3D

#: What a file of a picture ends in, in small letters: OpenCV reads these.
PICTURE_ENDINGS = ('.jpg', '.jpeg', '.jfif', '.png', '.bmp', '.webp', '.tif',
                   '.tiff')
#: Further pictures; Python's list of types lacks some of them.
_OTHER_PICTURES = ('.heic', '.heif', '.avif', '.jxl', '.dng')


@DATASETS.register_module()
class MaskedFolderDataset(BasePoseDataset3D):
    """Unlabelled target pictures with masks, without any annotation file.

    All pictures below the folder ``img`` are taken, folder by folder in the
    order of their names; the mask of ``a/b.jpg`` is ``a/b`` with any ending
    of a picture (png, as jpg blurs it) below the folder ``mask``. There is
    one person in a mask. Size and orientation are free. Nothing is known of
    the camera, so crops follow the mask (``GetCubeBox``, rule ``mask``).

    Args:
        data_prefix: Folders ``img`` and ``mask``, relative to ``data_root``.
        sample_interval: Keeps the first, and then every n-th, picture of
            each folder: frames of a video look alike.
        **kwargs: See :class:`BasePoseDataset3D`. ``check_files`` plays no
            role: the folders are read in any case.

    Raises:
        FileNotFoundError: If a folder, or the mask of a picture, is missing.
        ValueError: If there is no picture, or two share a mask.
    """

    def __init__(self,
                 data_prefix: dict | None = None,
                 sample_interval: int = 1,
                 **kwargs: Any) -> None:
        data_prefix = data_prefix or dict(img='images', mask='masks')
        if set(data_prefix) != {'img', 'mask'}:
            raise ValueError('data_prefix names two folders, img and mask, '
                             f'got {data_prefix}')
        super().__init__(data_prefix=data_prefix,
                         sample_interval=sample_interval, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the pictures with their masks."""
        images, masks = self.data_prefix['img'], self.data_prefix['mask']
        if os.path.realpath(images) == os.path.realpath(masks):
            raise ValueError(f'pictures and masks lie in one folder, '
                             f'{images}: give each its own')
        pairs: list[tuple[str, str]] = []
        for folder, names in pictures_below(images, leave_out=masks):
            pairs += masked_pictures(
                os.path.join(images, folder), os.path.join(masks, folder),
                names[::self.sample_interval])
        if not pairs:
            raise ValueError(f'there is no picture below {images}: '
                             f'{", ".join(PICTURE_ENDINGS)} are read')
        return [target_sample(i, *pair) for i, pair in enumerate(pairs)]


def pictures_below(
        root: str, leave_out: str | None = None
) -> Iterator[tuple[str, list[str]]]:
    """List the pictures of a folder and all folders in it.

    Args:
        root: The folder.
        leave_out: A folder that is not entered.

    Yields:
        Folders relative to ``root`` and the names of the pictures in each,
        both in order; folders without pictures are left out, as are hidden
        files.

    Warns:
        UserWarning: If there are videos, or pictures of a format that is not
            read.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    if not os.path.isdir(root):
        raise FileNotFoundError(
            f'there is no folder of pictures {root}: set data_root and '
            'data_prefix')
    closed = os.path.realpath(leave_out) if leave_out else None
    foreign: list[str] = []
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(
            name for name in folders if not name.startswith('.')
            and os.path.realpath(os.path.join(folder, name)) != closed)
        names = sorted(filter(_is_picture, files))
        foreign += [os.path.join(folder, name) for name in files
                    if _is_foreign(name)]
        if names:
            below = os.path.relpath(folder, root)
            yield ('' if below == '.' else below), names
    if foreign:
        warnings.warn(
            f'{len(foreign)} pictures or videos below {root} are not read, '
            f'such as {min(foreign)}: {", ".join(PICTURE_ENDINGS)} are. '
            'Convert them, or take them away', stacklevel=2)


def masked_pictures(images: str, masks: str,
                    names: list[str]) -> list[tuple[str, str]]:
    """Find the masks of the pictures of one folder.

    Args:
        images: The folder of the pictures.
        masks: The folder of their masks.
        names: Names of the pictures.

    Returns:
        Picture and mask file of each.

    Raises:
        FileNotFoundError: If masks are missing; names the first three.
        ValueError: If a mask's or a picture's name is there twice, with
            different endings.
    """
    found = filter(_is_picture, os.listdir(masks) if os.path.isdir(masks)
                   else [])
    mask_of = _by_stem(masks, sorted(found))
    stems = _by_stem(images, names)
    missing = [os.path.join(images, name) for stem, name in stems.items()
               if stem not in mask_of]
    if missing:
        more = f' and {len(missing) - 3} more' if len(missing) > 3 else ''
        raise FileNotFoundError(
            f'no mask in {masks} for {", ".join(missing[:3])}{more}: every '
            'picture needs a grey png of its name and size there, 255 = '
            'person')
    return [(os.path.join(images, name), os.path.join(masks, mask_of[stem]))
            for stem, name in stems.items()]


def target_sample(number: int, img_path: str, mask_path: str,
                  **more: Any) -> dict:
    """Return the sample of a picture of which its mask alone is known.

    Args:
        number: Its number in the data set.
        img_path: The picture.
        mask_path: Its mask.
        **more: Further keys.
    """
    return dict(id=number, img_id=number, domain='target',
                img_path=img_path, mask_path=mask_path, **more)


def _is_picture(name: str) -> bool:
    """Say whether a file looks like a picture."""
    # '._a.jpg' is what another system leaves beside 'a.jpg'.
    return (not name.startswith('.')
            and name.lower().endswith(PICTURE_ENDINGS))


def _is_foreign(name: str) -> bool:
    """Say whether a file is a video, or a picture of another format."""
    kind = mimetypes.guess_type(name)[0] or ''
    return not (name.startswith('.') or _is_picture(name)) and (
        kind.startswith(('image/', 'video/'))
        or name.lower().endswith(_OTHER_PICTURES))


def _by_stem(folder: str, names: list[str]) -> dict[str, str]:
    """Return names by what stands before their ending."""
    stems: dict[str, str] = {}
    for name in names:
        other = stems.setdefault(os.path.splitext(name)[0], name)
        if other != name:
            raise ValueError(
                f'{other} and {name} in {folder} have one name but for the '
                'ending, so they cannot be told from their masks: rename '
                'or remove one')
    return stems
