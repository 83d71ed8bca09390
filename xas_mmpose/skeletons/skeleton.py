"""The one description of a set of key points that everything else reads."""
from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MaskLink:
    """A bone that the skeleton-mask loss draws.

    Args:
        start: Name of the key point at one end.
        end: Name of the key point at the other end.
        width: Factor on the loss's line width; the width is the squared
            distance, in normalised units, at which the line has faded to
            1/e.
    """

    start: str
    end: str
    width: float = 1.0


@dataclass(frozen=True)
class Skeleton:
    """A named table of key points, with all that is derived from it.

    Left and right are the person's own. A key point whose name starts with
    ``left_`` is the mirror partner of the one that starts with ``right_``;
    every other key point is its own partner.

    Args:
        name: Name of the table, also the ``dataset_name`` of its metainfo.
        keypoint_names: K names; their order is the order of every array.
        parents: K names; the root names itself.
        extra_mask_links: Links that are drawn for the mask loss besides the
            bones.
        mask_widths: Width factor of the bone that ends at the named key
            point; 1 where a name is missing.
        lower_body: Names of the key points below the root, which MMPose's
            half-body augmentation asks for.
        joint_subsets: Names of subsets that metrics can be limited to, each
            with its key points in the skeleton's order.

    Raises:
        ValueError: If a name is unknown, doubled or lacks its mirror
            partner, if the parents are not a tree with one root, or if a
            subset has no key point.
    """

    name: str
    keypoint_names: tuple[str, ...]
    parents: tuple[str, ...]
    extra_mask_links: tuple[MaskLink, ...] = ()
    mask_widths: tuple[tuple[str, float], ...] = ()
    lower_body: tuple[str, ...] = ()
    joint_subsets: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __post_init__(self) -> None:
        names = self.keypoint_names
        if len(set(names)) != len(names):
            raise ValueError(f'{self.name}: a key point name appears twice')
        if len(self.parents) != len(names):
            raise ValueError(f'{self.name}: {len(names)} key points but '
                             f'{len(self.parents)} parents')
        used = [*self.parents, *self.lower_body]
        used += [end for link in self.extra_mask_links
                 for end in (link.start, link.end)]
        used += [name for name, _ in self.mask_widths]
        used += [name for _, subset in self.joint_subsets for name in subset]
        used += [_mirrored(name) for name in names]
        unknown = sorted(set(used) - set(names))
        if unknown:
            raise ValueError(f'{self.name}: unknown key points {unknown}')
        empty = [name for name, subset in self.joint_subsets if not subset]
        if empty:
            raise ValueError(f'{self.name}: no key point in the joint subsets '
                             f'{empty}')
        roots = [n for n, p in zip(names, self.parents) if n == p]
        if len(roots) != 1:
            raise ValueError(f'{self.name}: needs one root, has {roots}')
        for name in names:
            steps, parent = 0, name
            while parent != roots[0]:
                parent = self.parents[self.index(parent)]
                steps += 1
                if steps > len(names):
                    raise ValueError(
                        f'{self.name}: {name!r} never reaches the root')

    def index(self, name: str) -> int:
        """Return the position of a key point in every array."""
        try:
            return self.keypoint_names.index(name)
        except ValueError:
            raise ValueError(f'{self.name} has no key point {name!r}; it has '
                             f'{", ".join(self.keypoint_names)}') from None

    @property
    def num_keypoints(self) -> int:
        """Number of key points, K."""
        return len(self.keypoint_names)

    @property
    def root_index(self) -> int:
        """Index of the key point that is its own parent."""
        return next(i for i, (n, p) in enumerate(
            zip(self.keypoint_names, self.parents)) if n == p)

    @property
    def parent_indices(self) -> tuple[int, ...]:
        """Parent of each key point, K; the root's is itself."""
        return tuple(self.index(p) for p in self.parents)

    @property
    def flip_indices(self) -> tuple[int, ...]:
        """Mirror partner of each key point, K."""
        return tuple(self.index(_mirrored(n)) for n in self.keypoint_names)

    @property
    def skeleton_links(self) -> tuple[tuple[int, int], ...]:
        """Bones as (parent, child) pairs, K-1, in the order of the child."""
        return tuple((p, i) for i, p in enumerate(self.parent_indices)
                     if p != i)

    @property
    def mask_links(self) -> tuple[tuple[int, int], ...]:
        """Links that the mask loss draws: the bones, then the extra ones."""
        extra = ((self.index(link.start), self.index(link.end))
                 for link in self.extra_mask_links)
        return (*self.skeleton_links, *extra)

    @property
    def mask_link_widths(self) -> tuple[float, ...]:
        """Width factor of each of :attr:`mask_links`."""
        widths = dict(self.mask_widths)
        bones = (widths.get(self.keypoint_names[child], 1.0)
                 for _, child in self.skeleton_links)
        return (*bones, *(link.width for link in self.extra_mask_links))

    def metainfo(self) -> dict:
        """Return MMPose's ``dataset_info`` of this skeleton.

        Besides the keys that MMPose asks for it holds ``root_index``,
        ``parent_indices``, ``mask_links`` and ``mask_link_widths``. MMPose's
        own parser drops these four, so components of this package read the
        dictionary itself (:func:`~xas_mmpose.skeletons.mask_links_of`).
        """
        keypoint_info = {}
        for i, name in enumerate(self.keypoint_names):
            partner = _mirrored(name)
            keypoint_info[i] = dict(
                name=name,
                id=i,
                color=_side_color(name),
                type='lower' if name in self.lower_body else 'upper',
                swap='' if partner == name else partner)
        skeleton_info = {
            i: dict(link=(self.keypoint_names[parent],
                          self.keypoint_names[child]),
                    id=i,
                    color=_side_color(self.keypoint_names[child]))
            for i, (parent, child) in enumerate(self.skeleton_links)
        }
        return dict(
            dataset_name=self.name,
            keypoint_info=keypoint_info,
            skeleton_info=skeleton_info,
            joint_weights=[1.0] * self.num_keypoints,
            # Only COCO's OKS reads them; no such scores exist for these
            # key points.
            sigmas=[],
            root_index=self.root_index,
            parent_indices=list(self.parent_indices),
            mask_links=[list(link) for link in self.mask_links],
            mask_link_widths=list(self.mask_link_widths))


def remap(src: Skeleton | Sequence[str], dst: Skeleton) -> np.ndarray:
    """Return the index array that reorders key points by name.

    Args:
        src: Skeleton, or list of key point names, of the array at hand.
        dst: Skeleton that is wanted.

    Returns:
        Indices (K_dst,) into the source, -1 where the source lacks the key
        point.
    """
    names = list(src.keypoint_names if isinstance(src, Skeleton) else src)
    return np.array([
        names.index(n) if n in names else -1 for n in dst.keypoint_names
    ])


def _mirrored(name: str) -> str:
    """Return the name of the mirror partner."""
    for side, other in (('left_', 'right_'), ('right_', 'left_')):
        if name.startswith(side):
            return other + name[len(side):]
    return name


def _side_color(name: str) -> list[int]:
    """Return an RGB colour: left blue, right orange, middle green."""
    hue = {'left_': 0.58, 'right_': 0.08}.get(
        next((s for s in ('left_', 'right_') if name.startswith(s)), ''),
        0.35)
    return [round(255 * c) for c in colorsys.hsv_to_rgb(hue, 0.85, 1.0)]
