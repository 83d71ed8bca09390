"""Masks by GrabCut, which a box or key points show whom to cut out."""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .cleaning import NoMaskError, clean_mask
from .people import Person

#: Shares of a person's size: how thick the bones are that are certainly
#: foreground, how far around them it probably is, and how far it can be.
_BONE, _NEAR, _FAR = 0.03, 0.07, 0.2
#: How much larger than the box the piece of the picture is that is looked
#: at: what is around the box shows the background.
_AROUND = 0.25


@dataclass(frozen=True)
class GrabCutMethod:
    """Cuts people out (Rother et al., "GrabCut", SIGGRAPH 2004).

    Args:
        prompt: What shows the person: ``'keypoints'`` (bones are certainly
            foreground, what is far from them is not), ``'box'`` (all outside
            is background), ``'auto'`` key points where bones join some.
        iterations: Rounds of fitting colours and cutting.
        max_side: Larger pieces are reduced to this side in px: the time goes
            with the number of pixels.

    Raises:
        ValueError: If an option makes no sense.
    """

    prompt: str = 'auto'
    iterations: int = 5
    max_side: int = 500

    def __post_init__(self) -> None:
        if self.prompt not in ('auto', 'keypoints', 'box'):
            raise ValueError("prompt is 'auto', 'keypoints' or 'box', got "
                             f'{self.prompt!r}')
        if self.iterations < 1 or self.max_side < 32:
            raise ValueError('iterations start at 1 and max_side at 32, got '
                             f'{self.iterations} and {self.max_side}')

    def make(self, image: np.ndarray, person: Person | None) -> np.ndarray:
        """Cut a person out.

        Args:
            image: The picture (H, W, 3), BGR uint8.
            person: Whom.

        Returns:
            Foreground (H, W), uint8, 0 or 255.

        Raises:
            NoMaskError: If the person is not told, or lies outside.
        """
        height, width = image.shape[:2]
        box, by_points = self._where(person)
        low, high = box[:2], box[2:]
        if (high <= 0).any() or (low >= (width, height)).any():
            raise NoMaskError(
                f'the box {np.round(box, 1).tolist()} (x1, y1, x2, y2) lies '
                f'outside the picture of {width}x{height} px')
        unit = (_size(person) if by_points else (high - low).max())
        pad = (_FAR if by_points else _AROUND) * unit + 2
        left, top = np.maximum(low - pad, 0).astype(int)
        right, bottom = np.minimum(np.ceil(high + pad),
                                   (width, height)).astype(int)
        scale = min(1.0, self.max_side / max(right - left, bottom - top))
        size = tuple(max(2, round(scale * n))
                     for n in (right - left, bottom - top))
        piece = cv2.resize(image[top:bottom, left:right], size,
                           interpolation=cv2.INTER_AREA)

        def placed(points: np.ndarray) -> np.ndarray:
            # Pixels are areas around whole numbers.
            return (points + 0.5 - (left, top)) * scale - 0.5

        if by_points:
            labels = _labels_of_points(size, placed(person.keypoints),
                                       person.links, unit * scale)
        else:
            labels = _labels_of_box(size, placed(box.reshape(2, 2)))
        inside = _cut(piece, labels, self.iterations)
        mask = np.zeros((height, width), np.uint8)
        mask[top:bottom, left:right] = cv2.resize(
            inside.astype(np.float32), (right - left, bottom - top),
            interpolation=cv2.INTER_LINEAR) > 0.5
        mask = clean_mask(mask)
        if not mask.any():
            raise NoMaskError('GrabCut finds no person: its colours are '
                              "those of the background, or the person's "
                              'place is wrong')
        return mask

    def prompt_of(self, person: Person) -> str:
        """Return what shows a person, for the record."""
        return ('keypoints' if self._where(person)[1] else
                person.around_kind)

    def used(self) -> dict:
        """Return what made the masks, for the record."""
        return dict(package=f'opencv {cv2.__version__}', call='cv2.grabCut')

    def _where(self, person: Person | None) -> tuple[np.ndarray, bool]:
        """Return the box (4,), and whether key points are to be used."""
        if person is None:
            raise NoMaskError('nobody says where the person is: GrabCut '
                              'needs a box or key points of the picture')
        # Points alone say less than the box around them.
        if person.links and self.prompt != 'box':
            points = person.keypoints
            return np.concatenate([points.min(0), points.max(0)]), True
        if self.prompt == 'keypoints':
            raise NoMaskError('there are no two key points with a bone '
                              'between them that show where the person is')
        return person.around, False


def _size(person: Person) -> float:
    """Return the size of a person, px, by the key points."""
    points, links = person.keypoints, np.array(person.links, int)
    bones = np.linalg.norm(np.subtract(*points[links.reshape(-1, 2).T]),
                           axis=-1)
    # All bones together are three times as long as who stands upright, or
    # somewhat less; who crouches is larger than the key points' box.
    return max(np.ptp(points, axis=0).max(), bones.sum() / 3)


def _labels_of_points(size: tuple[int, int], points: np.ndarray,
                      links: tuple[tuple[int, int], ...],
                      unit: float) -> np.ndarray:
    """Return GrabCut's labels (h, w) around bones.

    Args:
        size: Width and height of the piece.
        points: Key points (N, 2), px of the piece.
        links: Pairs of them that bones join.
        unit: Size of the person, px.
    """
    bones = np.zeros(size[::-1], np.uint8)
    ends = np.rint(points).astype(int).tolist()
    thickness = max(1, round(_BONE * unit))
    for first, second in links:
        cv2.line(bones, ends[first], ends[second], 1, thickness)
    for end in ends:
        cv2.circle(bones, end, thickness // 2, 1, -1)
    distance = cv2.distanceTransform(1 - bones, cv2.DIST_L2, 5)
    labels = np.full(bones.shape, cv2.GC_BGD, np.uint8)
    labels[distance < _FAR * unit] = cv2.GC_PR_BGD
    labels[distance < _NEAR * unit] = cv2.GC_PR_FGD
    labels[bones > 0] = cv2.GC_FGD
    return labels


def _labels_of_box(size: tuple[int, int],
                   corners: np.ndarray) -> np.ndarray:
    """Return GrabCut's labels (h, w) of a box (2, 2), px of the piece."""
    labels = np.full(size[::-1], cv2.GC_BGD, np.uint8)
    (left, top), (right, bottom) = np.rint(corners).astype(int).tolist()
    # The corners of a box are seldom the person.
    labels[max(top, 0):bottom + 1, max(left, 0):right + 1] = cv2.GC_PR_BGD
    middle = np.zeros_like(labels)
    axes = np.maximum((corners[1] - corners[0]) / 2, 1)
    cv2.ellipse(middle, np.rint(corners.mean(0)).astype(int).tolist(),
                np.rint(axes).astype(int).tolist(), 0, 0, 360, 1, -1)
    labels[(middle > 0) & (labels == cv2.GC_PR_BGD)] = cv2.GC_PR_FGD
    return labels


def _cut(piece: np.ndarray, labels: np.ndarray,
         iterations: int) -> np.ndarray:
    """Run GrabCut; return the foreground (h, w), bool."""
    counts = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).sum()
    if counts == 0 or counts == labels.size:
        raise NoMaskError('the person fills the picture, or lies outside: '
                          'GrabCut needs to see both person and background')
    # OpenCV starts its clusters from a generator of the whole process.
    cv2.setRNGSeed(0)
    labels = labels.copy()
    cv2.grabCut(piece, labels, None, np.zeros((1, 65)), np.zeros((1, 65)),
                iterations, cv2.GC_INIT_WITH_MASK)
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
