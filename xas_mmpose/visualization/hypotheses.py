"""A picture of several 3D hypotheses beside the image they came from."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xas_mmpose.skeletons import Skeleton, in_id_order, skeleton_links_of

from .depth_strips import NAMES, draw_depth_strips
from .mask_picture import covered_picture, mask_outlines
from .sheet import DASHED_GREY, Box, Sheet, paste_axes, width_of

#: Pixels around the panels: left, right, top, bottom, between.
_SIDE, _END, _TOP, _BOTTOM, _GAP = 12, 20, 52, 58, 64
#: Columns for each entry of the legend, rows for each line of it.
_ENTRY, _LINE = 146, 16
_TRUTH_ON_IMAGE = '0.85'


def draw_hypotheses(image: np.ndarray,
                    mask: np.ndarray | None,
                    keypoints: np.ndarray,
                    hypotheses_3d: np.ndarray,
                    scores: np.ndarray,
                    skeleton: Skeleton | Mapping[str, Any],
                    target_3d: np.ndarray | None = None,
                    target_2d: np.ndarray | None = None,
                    title: str = '',
                    errors: Mapping[str, float] | None = None,
                    panel_size: int = 384,
                    skeleton_mask: np.ndarray | None = None,
                    depth_profiles: tuple[np.ndarray, np.ndarray]
                    | None = None,
                    ranking: Mapping[str, Any] | None = None) -> np.ndarray:
    """Draw an image with its 2D pose, and the hypotheses from two sides.

    A view from the front hides a wrong depth, so there are three panels of
    one height: the image, the poses from the front (x to the right, y down)
    and from the side (depth to the right, y down), both at one scale in mm,
    which is that of a person or of what is smaller or larger.
    Left, right (the body's own) and middle keep the skeleton's colours;
    later hypotheses are paler, and unlikely ones more transparent. The truth
    is dashed grey.

    Args:
        image: Picture (H, W, 3), BGR uint8.
        mask: Foreground mask (H, W), bool, 0..1 or 0..255, drawn as an
            outline; None for none.
        keypoints: 2D pose (K, 2 or more) in pixels of ``image``.
        hypotheses_3d: Poses (M, K, 3) in mm, camera frame, root-relative.
        scores: Confidence of each hypothesis's joint (M, K) in 0..1; a joint
            of score 0 is missing and not drawn, nor are its bones.
        skeleton: A skeleton, its metainfo, or MMPose's parsed form of it.
        target_3d: True pose (K, 3) in mm, camera frame, root-relative, or
            None. NaN joints are left out.
        target_2d: True 2D pose (K, 2 or more) in pixels of ``image``, or
            None.
        title: First words above the picture, such as the frame's name.
        errors: Numbers in mm to print after the title, by name.
        panel_size: Height of the panels, and width of the two views, in px.
        skeleton_mask: What the 2D pose covers (H, W), 0..1, of
            :func:`~xas_mmpose.visualization.predicted_mask`: a second panel
            tints it, with the mask's outline around it.
        depth_profiles: Depths of D bins (D,) in mm, as z of
            ``hypotheses_3d``, and how likely each of them is (K, D): a last
            panel has a strip for each key point, dark where it is likely in
            relation to the strip's peak. Dots are the depths of the
            hypotheses, dashes the true ones.
        ranking: What has ordered the hypotheses, where it was a
            ``PoseRanker``: ``pred_instances.pose_ranking``. With
            ``first='mean'`` the first is called the mean of all; its score
            is no probability, and the others are as opaque as they are
            likely in relation to the likeliest of them.

    Returns:
        Picture BGR uint8. The image fills its panel from the pixel (12, 52),
        ``panel_size`` high; its aspect is kept. Below is room for the names
        of all M hypotheses.

    Raises:
        ValueError: If the shapes do not fit one another, or no image pixel,
            hypothesis or link is there to draw.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f'image must be (H, W, 3), got {image.shape}')
    for name, layer in (('mask', mask), ('skeleton_mask', skeleton_mask)):
        if layer is not None and np.shape(layer) != image.shape[:2]:
            raise ValueError(f'the {name} is {np.shape(layer)}, its image '
                             f'{image.shape[:2]}')
    links, colors, names = _links_colors_names(skeleton)
    hypotheses_3d = np.asarray(hypotheses_3d, np.float64)
    scores = np.asarray(scores, np.float64)
    num_keypoints = len(colors)
    if (hypotheses_3d.ndim != 3
            or hypotheses_3d.shape[1:] != (num_keypoints, 3)
            or scores.shape != hypotheses_3d.shape[:2]):
        raise ValueError(
            f'hypotheses_3d must be (M, {num_keypoints}, 3) and scores '
            f'(M, {num_keypoints}), got {hypotheses_3d.shape} and '
            f'{scores.shape}')
    keypoints = _pose_of('keypoints', keypoints, num_keypoints, 2)
    if target_2d is not None:
        target_2d = _pose_of('target_2d', target_2d, num_keypoints, 2)
    if target_3d is not None:
        target_3d = _pose_of('target_3d', target_3d, num_keypoints, 3)
    present = (scores > 0) & np.isfinite(hypotheses_3d).all(-1)
    hypotheses_3d = np.where(present[..., None], hypotheses_3d, np.nan)
    # The most confident one comes last, on top.
    order = [m for m in reversed(range(len(scores))) if present[m].any()]
    mean_first = (ranking or {}).get('first') == 'mean'
    likely = [_mean_score(s, p) for s, p in zip(scores, present)]
    best = max(likely[mean_first:], default=0.0)
    looks = {m: dict(alpha=_alpha(likely[m], best), tint=_tint(m))
             for m in order}

    on_image = [_beside(None, 0, image, panel_size)]
    if skeleton_mask is not None:
        on_image.append(_beside(on_image[0], _SIDE, image, panel_size))
    front = _beside(on_image[-1], _GAP, None, panel_size)
    side = _beside(front, _GAP, None, panel_size)
    strips = _beside(side, NAMES, None, panel_size)
    last = side if depth_profiles is None else strips
    width = last.left + last.width + _END
    # Of all, also those there are not: frames of a video are of one size.
    lines = math.ceil((len(scores) + (target_3d is not None))
                      / _per_line(width))
    sheet = Sheet(width, _TOP + panel_size + _BOTTOM
                  + _LINE * max(0, lines - 1))

    pictures = [image]
    if skeleton_mask is not None:
        pictures.append(covered_picture(image, skeleton_mask))
        sheet.words(on_image[1].left + on_image[1].width / 2, _TOP - 4,
                    'skeleton mask', 10, ha='center', va='bottom')
    outlines = [] if mask is None else mask_outlines(mask)
    for panel, picture in zip(on_image, pictures):
        sheet.paste(np.ascontiguousarray(picture[..., ::-1]), panel)
        lines = [_on_panel(line, panel, image) for line in outlines]
        for color, thickness in (('black', 2.4), ('white', 1.0)):
            sheet.lines(lines, color, thickness, panel)
    _draw_pose(sheet, on_image[0], _on_panel(keypoints, on_image[0], image),
               links, colors, alpha=1.0, tint=0.0)
    if target_2d is not None:
        _draw_truth(sheet, on_image[0],
                    _on_panel(target_2d, on_image[0], image), links,
                    _TRUTH_ON_IMAGE)

    limit = _limit(hypotheses_3d, target_3d)
    for panel, title_, label, columns in (
            (front, 'front', 'x (mm, right)', [0, 1]),
            (side, 'side', 'depth (mm, away)', [2, 1])):
        paste_axes(sheet, panel, (_GAP - 1, 24, _END, 36), (-limit, limit),
                   label, (limit, -limit), 'y (mm, down)', title_)
        scale = panel_size / (2 * limit)
        for m in order:
            _draw_pose(sheet, panel, panel[:2] + scale * (
                hypotheses_3d[m][:, columns] + limit), links, colors,
                **looks[m])
        if target_3d is not None:
            _draw_truth(sheet, panel, panel[:2] + scale * (
                target_3d[:, columns] + limit), links, DASHED_GREY)
    if depth_profiles is not None:
        draw_depth_strips(
            sheet, strips, *depth_profiles, limit,
            {m: (hypotheses_3d[m, :, 2], (_tint(m), ) * 3) for m in order},
            None if target_3d is None else target_3d[:, 2], names, colors)

    _draw_title(sheet, title, errors or {}, names, colors)
    _draw_legend(sheet, _TOP + panel_size + _BOTTOM - 12, {
        'mean of all' if mean_first and m == 0 else
        f'hypothesis {m + 1}: {likely[m]:.2f}': looks[m]
        for m in reversed(order)}, target_3d is not None)
    return sheet.draw()


def _pose_of(name: str, pose: np.ndarray, num_keypoints: int,
             columns: int) -> np.ndarray:
    """Return the wanted columns of a pose, or refuse its shape."""
    pose = np.asarray(pose, np.float64)
    if (pose.ndim != 2 or len(pose) != num_keypoints
            or pose.shape[1] < columns):
        raise ValueError(f'{name} must be ({num_keypoints}, {columns}), got '
                         f'{pose.shape}')
    return pose[:, :columns]


def _links_colors_names(
    skeleton: Skeleton | Mapping[str, Any]
) -> tuple[list[tuple[int, int]], np.ndarray, list[str]]:
    """Return bones (parent, child), RGB colours and key point names."""
    info = skeleton.metainfo() if isinstance(skeleton, Skeleton) else skeleton
    if 'keypoint_info' in info:
        links = skeleton_links_of(info)
        points = in_id_order(info)['keypoint_info'].values()
        colors = [point['color'] for point in points]
        names = [point['name'] for point in points]
    elif 'skeleton_links' in info and 'keypoint_colors' in info:
        links = [(int(a), int(b)) for a, b in info['skeleton_links']]
        colors = info['keypoint_colors']
        ids = info.get('keypoint_id2name', {})
        names = [ids.get(i, '') for i in range(len(colors))]
    else:
        raise ValueError('the skeleton needs keypoint_info and '
                         'skeleton_info, or skeleton_links and '
                         f'keypoint_colors; it has {sorted(info)}')
    if not links:
        raise ValueError('the skeleton has no links to draw')
    return links, np.asarray(colors, np.float64) / 255 * 0.82, names


def _beside(panel: Box | None, gap: int, image: np.ndarray | None,
            size: int) -> Box:
    """Return the place of an image, or of a square, behind another panel."""
    left = _SIDE if panel is None else panel.left + panel.width + gap
    width = size if image is None else max(1, round(
        size * image.shape[1] / image.shape[0]))
    return Box(left, _TOP, width, size)


def _on_panel(points: np.ndarray, panel: Box,
              image: np.ndarray) -> np.ndarray:
    """Return where points (N, 2) of an image lie on the sheet.

    Pixels of images are areas around whole numbers.
    """
    scale = np.divide(panel[2:], image.shape[1::-1])
    return panel[:2] + (points + 0.5) * scale


def _draw_truth(sheet: Sheet, panel: Box, pose: np.ndarray,
                links: Sequence[tuple[int, int]], color: str) -> None:
    """Draw the true bones, dashed grey, above everything else."""
    sheet.lines(_segments(pose, links), color, 1.2, panel, dashed=True)


def _draw_pose(sheet: Sheet, panel: Box, pose: np.ndarray,
               links: Sequence[tuple[int, int]], colors: np.ndarray,
               alpha: float, tint: float) -> None:
    """Draw bones and joints; what is NaN is left out."""
    colors = colors * (1 - tint) + tint
    drawn = np.isfinite(pose).all(-1)
    kept = [link for link in links if drawn[link[0]] and drawn[link[1]]]
    sheet.lines(_segments(pose, kept), [colors[child] for _, child in kept],
                2.0, panel, alpha)
    sheet.dots(pose[drawn], colors[drawn], 14, panel, alpha)


def _segments(pose: np.ndarray,
              links: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return the two ends of each finite bone (E, 2, 2)."""
    ends = pose[np.asarray(links, int).reshape(-1, 2)]
    return ends[np.isfinite(ends).all((1, 2))]


def _limit(hypotheses_3d: np.ndarray,
           target_3d: np.ndarray | None) -> float:
    """Return half the side of the views in mm: all poses fit.

    People reach 500 to 1000 mm and are all drawn at one scale.
    """
    poses = [hypotheses_3d] if target_3d is None else [hypotheses_3d,
                                                      target_3d]
    values = np.concatenate([np.abs(pose).ravel() for pose in poses])
    values = values[np.isfinite(values)]
    reach = float(values.max(initial=0.0))
    if reach == 0:
        return 1000.0
    if reach > 1000:
        # Dots at the edge are seen whole.
        return math.ceil(1.02 * reach / 200) * 200.0
    # A round number: five of a power of ten, and no more than 500.
    step = min(500.0, 5 * 10.0**math.floor(math.log10(reach / 5)))
    return max(2 * step, math.ceil(reach / step) * step)


def _tint(m: int) -> float:
    """Return how far hypothesis m is moved towards white."""
    return min(0.3 * m, 0.6)


def _alpha(score: float, best: float) -> float:
    """Return the opacity: a mean score against the best one's."""
    return 0.35 + 0.65 * (score / best if score < best else 1.0)


def _mean_score(scores: np.ndarray, present: np.ndarray) -> float:
    """Return the mean score (K,) of a hypothesis; a missing joint has 0."""
    return float(np.where(present, scores, 0).mean())


def _draw_title(sheet: Sheet, title: str, errors: Mapping[str, float],
                names: Sequence[str], colors: np.ndarray) -> None:
    """Write the title, and which colour is which side."""
    numbers = [f'{name} {value:.1f} mm' for name, value in errors.items()]
    # "left" and "right" stand at the end.
    room = sheet.width - _SIDE - _END - 90
    for cut in range(len(title) + 1):
        # Names of one folder differ at their ends.
        shown = f'…{title[cut:]}' if cut else title
        text = '   '.join([shown] * bool(title) + numbers)
        if width_of(text, 10) <= room:
            break
    sheet.words(_SIDE, 10, text, 10)
    for side, offset in (('left', 42), ('right', 0)):
        of_side = [i for i, n in enumerate(names)
                   if n.startswith(side + '_')]
        if of_side:
            sheet.words(sheet.width - _END - offset, 10, side, 10,
                        ha='right', fontweight='bold',
                        color=tuple(colors[of_side[0]]))


def _per_line(width: int) -> int:
    """Return how many entries a line of the legend has."""
    return max(1, (width - _SIDE) // _ENTRY)


def _draw_legend(sheet: Sheet, top: int,
                 looks: Mapping[str, Mapping[str, float]],
                 with_truth: bool) -> None:
    """Name the hypotheses and their mean scores below the panels."""
    entries = [(text, dict(colors=[(look['tint'], ) * 3], width=2.0,
                           alpha=look['alpha']))
               for text, look in looks.items()]
    if with_truth:
        entries.append(('truth', dict(colors=DASHED_GREY, width=1.2,
                                      dashed=True)))
    for number, (text, look) in enumerate(entries):
        line, place = divmod(number, _per_line(sheet.width))
        left, row = _SIDE + place * _ENTRY, top + line * _LINE
        sheet.lines([np.array([[left, row], [left + 16, row]])], **look)
        sheet.words(left + 24, row, text, 8, va='center')
