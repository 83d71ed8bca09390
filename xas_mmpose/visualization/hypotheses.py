"""A picture of several 3D hypotheses beside the image they came from."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from xas_mmpose.skeletons import Skeleton, in_id_order, skeleton_links_of

#: Pixels around the panels: left and right, top, bottom, between.
_SIDE, _TOP, _BOTTOM, _GAP = 12, 52, 58, 64
_DPI = 100
_TRUTH = '0.4'
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
                    panel_size: int = 384) -> np.ndarray:
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

    Returns:
        Picture BGR uint8. The image fills its panel from the pixel (12, 52),
        ``panel_size`` high; its aspect is kept.

    Raises:
        ValueError: If the shapes do not fit one another, or no image pixel,
            hypothesis or link is there to draw.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f'image must be (H, W, 3), got {image.shape}')
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

    height, width = image.shape[:2]
    image_width = max(1, round(panel_size * width / height))
    total = (2 * _SIDE + image_width + 2 * (_GAP + panel_size),
             _TOP + panel_size + _BOTTOM)
    figure = Figure(figsize=(total[0] / _DPI, total[1] / _DPI), dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    words = [title] if title else []
    words += [f'{name} {value:.1f} mm' for name, value in
              (errors or {}).items()]
    # Frame names hold underscores and the odd dollar: no mathematics.
    figure.text(_SIDE / total[0], 1 - 10 / total[1], '   '.join(words),
                va='top', fontsize=10, parse_math=False)
    for side, offset in (('left', 60), ('right', 0)):
        of_side = [i for i, n in enumerate(names)
                   if n.startswith(side + '_')]
        if of_side:
            figure.text(1 - (_SIDE + offset) / total[0], 1 - 10 / total[1],
                        side, ha='right', va='top', fontsize=10,
                        fontweight='bold', color=colors[of_side[0]])

    axes = _panel(figure, total, _SIDE, image_width, panel_size)
    _draw_image(axes, image, mask)
    if target_2d is not None:
        _draw_truth(axes, target_2d, links, _TRUTH_ON_IMAGE)
    _draw_pose(axes, keypoints, links, colors, alpha=1.0, tint=0.0)

    limit = _limit(hypotheses_3d, target_3d)
    left = _SIDE + image_width + _GAP
    for name, label, columns in (('front', 'x (mm, right)', [0, 1]),
                                 ('side', 'depth (mm, away)', [2, 1])):
        axes = _panel(figure, total, left, panel_size, panel_size)
        left += panel_size + _GAP
        _style_view(axes, name, label, limit)
        if target_3d is not None:
            _draw_truth(axes, target_3d[:, columns], links, _TRUTH)
        # The most confident one comes last, on top.
        for m in reversed(range(len(hypotheses_3d))):
            if present[m].any():
                _draw_pose(axes, hypotheses_3d[m][:, columns], links, colors,
                           alpha=_alpha(scores, present, m), tint=_tint(m))
    _draw_legend(axes, scores, present, target_3d is not None)
    canvas.draw()
    rgba = np.asarray(canvas.buffer_rgba())
    return cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGR)


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


def _panel(figure: Figure, total: tuple[int, int], left: int, width: int,
           height: int) -> Axes:
    """Add axes that cover whole pixels, below the title."""
    return figure.add_axes((left / total[0], _BOTTOM / total[1],
                            width / total[0], height / total[1]))


def _draw_image(axes: Axes, image: np.ndarray,
                mask: np.ndarray | None) -> None:
    """Show the image, and the mask's outline in white on black."""
    height, width = image.shape[:2]
    axes.imshow(image[..., ::-1], interpolation='bilinear', aspect='auto',
                extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    axes.set_axis_off()
    if mask is not None:
        mask = np.asarray(mask)
        if mask.shape != (height, width):
            raise ValueError(f'the mask is {mask.shape}, its image '
                             f'{(height, width)}')
        threshold = 127.5 if mask.dtype == np.uint8 and mask.max() > 1 else .5
        outlines, _ = cv2.findContours(
            (mask > threshold).astype(np.uint8), cv2.RETR_CCOMP,
            cv2.CHAIN_APPROX_NONE)
        lines = [np.concatenate([line, line[:1]])[:, 0] for line in outlines]
        for color, thickness in (('black', 2.4), ('white', 1.0)):
            axes.add_collection(
                LineCollection(lines, colors=color, linewidths=thickness))
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)


def _style_view(axes: Axes, name: str, label: str, limit: float) -> None:
    """Set up a view in mm, y down as in the camera frame."""
    axes.set_xlim(-limit, limit)
    axes.set_ylim(limit, -limit)
    axes.set_title(name, fontsize=10, pad=4)
    axes.set_xlabel(label, fontsize=8, labelpad=2)
    axes.set_ylabel('y (mm, down)', fontsize=8, labelpad=0)
    ticks = np.linspace(-limit, limit, 5)
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.tick_params(labelsize=7, length=2)
    axes.grid(color='0.88', linewidth=0.6)
    axes.set_axisbelow(True)


def _draw_truth(axes: Axes, pose: np.ndarray,
                links: Sequence[tuple[int, int]], color: str) -> None:
    """Draw the true bones, dashed grey, above everything else."""
    axes.add_collection(
        LineCollection(_segments(pose, links), colors=color, linewidths=1.2,
                       linestyles=(0, (3, 2)), zorder=4))


def _draw_pose(axes: Axes, pose: np.ndarray,
               links: Sequence[tuple[int, int]], colors: np.ndarray,
               alpha: float, tint: float) -> None:
    """Draw bones and joints; what is NaN is left out."""
    colors = colors * (1 - tint) + tint
    drawn = np.isfinite(pose).all(-1)
    kept = [link for link in links if drawn[link[0]] and drawn[link[1]]]
    axes.add_collection(
        LineCollection(_segments(pose, kept),
                       colors=[colors[child] for _, child in kept],
                       linewidths=2.0, alpha=alpha, capstyle='round'))
    axes.scatter(*pose[drawn].T, s=14, c=colors[drawn], alpha=alpha,
                 edgecolors='white', linewidths=0.4, zorder=3)


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
    # A round number: five of a power of ten, and no more than 500.
    step = min(500.0, 5 * 10.0**math.floor(math.log10(reach / 5)))
    return max(2 * step, math.ceil(reach / step) * step)


def _tint(m: int) -> float:
    """Return how far hypothesis m is moved towards white."""
    return min(0.3 * m, 0.6)


def _alpha(scores: np.ndarray, present: np.ndarray, m: int) -> float:
    """Return the opacity: the mean score against the best one's."""
    means = [_mean_score(s, p) for s, p in zip(scores, present)]
    return 0.35 + 0.65 * min(1.0, means[m] / max(means))


def _mean_score(scores: np.ndarray, present: np.ndarray) -> float:
    """Return the mean score (K,) of a hypothesis; a missing joint has 0."""
    return float(np.where(present, scores, 0).mean())


def _draw_legend(axes: Axes, scores: np.ndarray, present: np.ndarray,
                 with_truth: bool) -> None:
    """Name the hypotheses and their mean scores in the last view."""
    handles = []
    for m in range(len(scores)):
        if present[m].any():
            mean = _mean_score(scores[m], present[m])
            handles += axes.plot(
                [], [], color=(_tint(m), ) * 3, linewidth=2,
                alpha=_alpha(scores, present, m),
                label=f'hypothesis {m + 1}: {mean:.2f}')
    if with_truth:
        handles += axes.plot([], [], color=_TRUTH, linewidth=1.2,
                             linestyle=(0, (3, 2)), label='truth')
    if handles:
        axes.legend(handles=handles, fontsize=7, loc='upper right',
                    framealpha=0.85)
