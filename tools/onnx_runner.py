#!/usr/bin/env python
r"""Find 3D poses with a file of tools/export_onnx.py, without PyTorch.

    python onnx_runner.py model.onnx a.jpg --mask a.png
    python onnx_runner.py model.onnx a.jpg --mask a.png --box 10 20 210 620 \
        --camera '{"f": [1145, 1144], "c": [512, 515]}'

Needs numpy, OpenCV and onnxruntime, and nothing of xas_mmpose: copy this file
to where the model is used. It finds what xas_mmpose.apis.Pose3DInferencer
finds.
"""
from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime


class OnnxPoses:
    """A model from a picture to the 3D poses of a person.

    Args:
        path: The ONNX file.
        threads: Threads of onnxruntime.
        providers: Where it runs; see onnxruntime.
    """

    def __init__(self, path: str | Path, threads: int = 1,
                 providers: tuple[str, ...] = ('CPUExecutionProvider', )
                 ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            str(path), options, providers=list(providers))
        entries = self.session.get_modelmeta().custom_metadata_map
        if 'input_size' not in entries:
            raise ValueError(f'{path} is no file of tools/export_onnx.py: '
                             'its metadata has no input_size')
        self.size = tuple(json.loads(entries['input_size']))
        self.cube_size = json.loads(entries['cube_size'])
        self.padding = json.loads(entries['padding'])
        self.supersampling = json.loads(entries['supersampling'])
        self.background_removed = json.loads(entries['background_removed'])
        self.keypoint_names = json.loads(entries['keypoint_names'])
        self.root_index = json.loads(entries['root_index'])

    def __call__(self, image: np.ndarray, box: Any = None,
                 mask: np.ndarray | None = None,
                 camera: Mapping[str, Any] | None = None,
                 person_size: float | None = None) -> dict[str, np.ndarray]:
        """Find the poses of a person.

        Args:
            image: Picture (H, W, 3), uint8, BGR as OpenCV reads it.
            box: x1, y1, x2, y2 in px; the mask's if None; without a mask
                the whole picture.
            mask: Foreground (H, W), uint8, 0..255.
            camera: ``f`` and ``c`` (2,) in px, and maybe the lens terms
                ``k`` (3,) and ``p`` (2,) of Human3.6M's model. None: x and y
                are parallel to the picture.
            person_size: What the longer side of the box is long, in mm;
                None for what the model takes.

        Returns:
            ``keypoints`` (K, 2), px of the picture; ``keypoints_3d`` (K, 3),
            the first of ``hypotheses_3d`` (M, K, 3), mm, relative to the
            root, camera axes (x right, y down, z forward);
            ``keypoint_scores`` (K,) and ``hypothesis_scores`` (M, K); with a
            camera ``root_3d`` (3,), mm.
        """
        if box is None:
            box = box_of(mask, image.shape)
        center, scale = self.square_of(box)
        cube_size = self.cube_size
        if person_size is not None:
            cube_size = person_size * self.padding
        crop = self.crop(image, mask, center, scale)
        names = [output.name for output in self.session.get_outputs()]
        found = {name: value[0] for name, value in zip(names, self.session.run(
            None, dict(crops=crop.transpose(2, 0, 1)[None])))}
        hypotheses = found['hypotheses'].astype(np.float64)
        # Patch pixel x of S lies at center + (x / S - 1 / 2) * scale.
        pixels = center + hypotheses[..., :2] / 2 * scale
        depth = hypotheses[..., 2:] * cube_size
        result = dict(keypoints=pixels[0],
                      keypoint_scores=found['keypoint_scores'],
                      hypothesis_scores=found['hypothesis_scores'])
        if camera is None:
            poses = np.concatenate(
                [hypotheses[..., :2] / 2 * cube_size, depth], -1)
        else:
            f, c = (np.asarray(camera[key], np.float64) for key in 'fc')
            # Where the cube fills the crop.
            depth = depth + (f / scale).mean() * cube_size
            rays = undistort((pixels - c) / f, camera.get('k'),
                             camera.get('p'))
            poses = np.concatenate([rays * depth, depth], -1)
            result['root_3d'] = poses[0, self.root_index]
        poses = poses - poses[:, [self.root_index]]
        return dict(result, keypoints_3d=poses[0], hypotheses_3d=poses)

    def square_of(self, box: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return center and sides (2,), px, of what is cut out for a box."""
        corners = np.asarray(box, np.float64).reshape(2, 2)
        return corners.mean(axis=0), np.full(
            2, np.ptp(corners, axis=0).max() * self.padding)

    def crop(self, image: np.ndarray, mask: np.ndarray | None,
             center: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Cut a square out of a picture, without background.

        Integer coordinates are pixel centres. Each pixel of the crop is the
        mean of the picture over its area.

        Args:
            image: Picture (H, W, 3).
            mask: Foreground (H, W), or None.
            center: Centre of the square (2,) in px.
            scale: Its sides (2,) in px.

        Returns:
            The crop (h, w, 3), uint8.
        """
        size = np.array(self.size)
        zoom = size / scale
        # The pipeline's arithmetic, whose last digit decides at 12.5.
        fine = self.supersampling or max(1, round(float(
            np.linalg.det(np.diag(zoom))**-0.5)))
        affine = np.zeros((2, 3))
        affine[:, :2] = np.diag(zoom * fine)
        affine[:, 2] = (size / 2 - zoom * center) * fine + (fine - 1) / 2

        def warp(picture: np.ndarray) -> np.ndarray:
            patch = cv2.warpAffine(
                picture, affine, tuple((size * fine).tolist()),
                flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
            return patch if fine == 1 else cv2.resize(
                patch, self.size, interpolation=cv2.INTER_AREA)

        crop = warp(image)
        if mask is None or not self.background_removed:
            return crop
        return cv2.multiply(crop, cv2.merge([warp(mask)] * 3), scale=1 / 255)


def box_of(mask: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """Return the box (4,) around a mask, or of a picture (H, W, ...)."""
    left, top, width, height = 0, 0, shape[1], shape[0]
    if mask is not None:
        left, top, width, height = cv2.boundingRect(
            (mask > 127).astype(np.uint8))
    if width == 0:
        raise ValueError('the mask is empty: no pixel is above 127')
    return np.array([left, top, left + width, top + height]) - 0.5


def undistort(rays: np.ndarray, k: Any, p: Any) -> np.ndarray:
    """Take Human3.6M's lens model (not OpenCV's) out of rays (..., 2)."""
    k0, k1, k2 = (0.0, 0.0, 0.0) if k is None else k
    p0, p1 = (0.0, 0.0) if p is None else p
    pinhole = rays
    for _ in range(20):
        x, y = pinhole[..., :1], pinhole[..., 1:]
        r2 = x * x + y * y
        bent = pinhole * (1 + r2 * (k0 + r2 * (k1 + r2 * k2)) + p1 * x
                          + p0 * y) + r2 * np.array([p1, p0])
        pinhole = pinhole + rays - bent
    return pinhole


def main() -> None:
    """Print the poses of a person as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', help='the ONNX file')
    parser.add_argument('image', help='a picture')
    parser.add_argument('--mask', help='its foreground')
    parser.add_argument('--box', type=float, nargs=4,
                        metavar=('X1', 'Y1', 'X2', 'Y2'))
    parser.add_argument('--camera', type=json.loads, metavar='JSON',
                        help='"f", "c" and maybe "k" and "p"')
    parser.add_argument('--person-size', type=float, metavar='MM')
    args = parser.parse_args()
    pictures = [cv2.imread(args.image)]
    if args.mask:
        pictures.append(cv2.imread(args.mask, cv2.IMREAD_GRAYSCALE))
    if any(picture is None for picture in pictures):
        parser.error(f'cannot read {args.image} or its mask')
    model = OnnxPoses(args.model)
    found = model(pictures[0], args.box, *pictures[1:], camera=args.camera,
                  person_size=args.person_size)
    print(json.dumps(dict(
        keypoint_names=model.keypoint_names,
        **{name: value.tolist() for name, value in found.items()})))


if __name__ == '__main__':
    main()
