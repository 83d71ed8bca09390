"""Read skinned, animated meshes from binary glTF 2.0 (``.glb``).

Only what ``tools/bake_quadrupeds.py`` needs: one skin, triangles, plain
colours, and clips that turn, shift and scale bones.
"""
from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

_TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {'SCALAR': 1, 'VEC2': 2, 'VEC3': 3, 'VEC4': 4, 'MAT4': 16}
_JSON, _BINARY = 0x4E4F534A, 0x004E4942


class GLB:
    """A ``.glb`` file: its description and its arrays.

    Args:
        data: The whole file.
        name: What error messages call it.

    Raises:
        ValueError: If it is no binary glTF 2.0.
    """

    def __init__(self, data: bytes, name: str) -> None:
        if len(data) < 20 or data[:8] != struct.pack('<4sI', b'glTF', 2):
            raise ValueError(f'{name}: not a binary glTF 2.0 file')
        self.name = name
        chunks, start = {}, 12
        while start + 8 <= len(data):
            size, kind = struct.unpack_from('<II', data, start)
            chunks[kind] = data[start + 8:start + 8 + size]
            start += 8 + size
        if set(chunks) < {_JSON, _BINARY}:
            raise ValueError(f'{name}: lacks its description or its arrays')
        self.document = json.loads(chunks[_JSON])
        self._binary = chunks[_BINARY]

    def array(self, index: int) -> np.ndarray:
        """Return an accessor's elements (N, width)."""
        accessor = self.document['accessors'][index]
        if 'sparse' in accessor or 'bufferView' not in accessor:
            raise ValueError(f'{self.name}: sparse accessors are not read')
        view = self.document['bufferViews'][accessor['bufferView']]
        dtype = np.dtype(_TYPES[accessor['componentType']])
        width = _WIDTHS[accessor['type']]
        values = np.ndarray(
            (accessor['count'], width), dtype, self._binary,
            view.get('byteOffset', 0) + accessor.get('byteOffset', 0),
            (view.get('byteStride', dtype.itemsize * width), dtype.itemsize))
        if accessor.get('normalized'):
            return values / np.iinfo(dtype).max
        return values.astype(int if dtype.kind == 'u' else float)


@dataclass
class SkinnedMesh:
    """All skinned meshes of a file as one, in the pose they were bound in.

    Args:
        glb: The file.
        vertices: Positions (V, 3), y up.
        faces: Corners (F, 3).
        materials: Index of each face's material (F,).
        material_names: Name of each material; where a file has several
            skinned meshes, that of the mesh's node and a colon before it.
        material_colors: RGB colour of each material (3,), 0..1, as a screen
            shows it.
        weights: Share of each bone in each vertex (V, N).
        bones: Names of the N bones.
        inverse_bind: Mesh-to-bone transforms (N, 4, 4) of the bind pose.
    """

    glb: GLB
    vertices: np.ndarray
    faces: np.ndarray
    materials: np.ndarray
    material_names: list[str]
    material_colors: list[np.ndarray]
    weights: np.ndarray
    bones: list[str]
    inverse_bind: np.ndarray

    @classmethod
    def read(cls, data: bytes, name: str) -> SkinnedMesh:
        """Read a mesh; vertices at one place become one vertex.

        Args:
            data: A whole ``.glb`` file.
            name: What error messages call it.

        Raises:
            ValueError: If it is no binary glTF, or has not one skin.
        """
        glb = GLB(data, name)
        nodes = glb.document['nodes']
        if len(glb.document.get('skins', ())) != 1:
            raise ValueError(f'{name}: needs exactly one skin')
        skin = glb.document['skins'][0]
        vertices, faces, materials, weights = [], [], [], []
        names, colors, count = [], [], 0
        skinned = [n for n in nodes if 'mesh' in n and 'skin' in n]
        for node in skinned:
            for part in glb.document['meshes'][node['mesh']]['primitives']:
                attributes = part['attributes']
                vertices.append(glb.array(attributes['POSITION']))
                faces.append(glb.array(part['indices']).reshape(-1, 3)
                             + count)
                material = glb.document['materials'][part['material']]
                materials.append(np.full(len(faces[-1]), len(names)))
                names.append(material['name'] if len(skinned) == 1 else
                             f'{node["name"]}:{material["name"]}')
                colors.append(_screen_color(material))
                weights.append(_dense_weights(
                    glb.array(attributes['JOINTS_0']),
                    glb.array(attributes['WEIGHTS_0']), len(skin['joints'])))
                count += len(vertices[-1])
        vertices, faces, materials, weights = map(
            np.concatenate, (vertices, faces, materials, weights))
        # Faces of other colours and sharp edges have vertices of their own.
        places = np.round(vertices, 5)
        _, first, same = np.unique(
            places, axis=0, return_index=True, return_inverse=True)
        faces = same.reshape(-1)[faces]
        real = (faces != np.roll(faces, 1, 1)).all(1)
        inverse_bind = glb.array(skin['inverseBindMatrices'])
        return cls(glb, vertices[first], faces[real], materials[real],
                   names, colors, weights[first],
                   [nodes[i]['name'] for i in skin['joints']],
                   inverse_bind.reshape(-1, 4, 4).transpose(0, 2, 1))

    @property
    def bone_positions(self) -> np.ndarray:
        """Where each bone starts in the bind pose (N, 3)."""
        return np.linalg.inv(self.inverse_bind)[:, :3, 3]

    @cached_property
    def clips(self) -> dict[str, float]:
        """Duration of each clip in seconds."""
        return {
            clip['name']: max(float(self.glb.array(sampler['input']).max())
                              for sampler in clip['samplers'])
            for clip in self.glb.document.get('animations', ())}

    def posed(self, clip: str,
              times: np.ndarray) -> np.ndarray:
        """Pose the mesh as a player of the clip would.

        Args:
            clip: Name of a clip.
            times: T times in seconds.

        Returns:
            Vertices (T, V, 3) in the units of :attr:`vertices`.
        """
        bones = self._bones(clip, times)
        moves = bones @ self.inverse_bind
        return np.einsum('vn,tnij,vj->tvi', self.weights, moves[:, :, :3],
                         np.pad(self.vertices, ((0, 0), (0, 1)),
                                constant_values=1), optimize=True)

    def _bones(self, clip: str, times: np.ndarray) -> np.ndarray:
        """Return the transforms (T, N, 4, 4) of the bones.

        They start at the uppermost bone: the node above it only places the
        animal in its scene.
        """
        document = self.glb.document
        tracks: dict[int, dict[str, np.ndarray]] = {}
        animation = next(a for a in document['animations']
                         if a['name'] == clip)
        for channel in animation['channels']:
            sampler = animation['samplers'][channel['sampler']]
            rule = sampler.get('interpolation', 'LINEAR')
            if rule not in ('LINEAR', 'STEP'):
                raise ValueError(f'{self.glb.name}: {clip} is interpolated '
                                 f'by {rule}, which is not read')
            target = channel['target']
            tracks.setdefault(target['node'], {})[target['path']] = (
                _interpolated(self.glb.array(sampler['input'])[:, 0],
                              self.glb.array(sampler['output']), times,
                              rule, target['path'] == 'rotation'))
        parents = {child: i for i, node in enumerate(document['nodes'])
                   for child in node.get('children', ())}
        bones = document['skins'][0]['joints']
        worlds: dict[int, np.ndarray] = {}

        def world(i: int) -> np.ndarray:
            if i not in worlds:
                local = _local(document['nodes'][i], tracks.get(i, {}),
                               len(times))
                above = parents.get(i)
                worlds[i] = world(above) @ local if above in bones else local
            return worlds[i]

        return np.stack([world(i) for i in bones], 1)


def _screen_color(material: dict) -> np.ndarray:
    """Return a material's colour (3,); glTF's are linear in light."""
    color = material.get('pbrMetallicRoughness', {}).get(
        'baseColorFactor', (1, 1, 1, 1))
    return np.array(color[:3]) ** (1 / 2.2)


def _dense_weights(bones: np.ndarray, shares: np.ndarray,
                   num_bones: int) -> np.ndarray:
    """Return weights (V, N) from the four bones (V, 4) of each vertex."""
    weights = np.zeros((len(bones), num_bones))
    np.add.at(weights, (np.arange(len(bones))[:, None], bones), shares)
    return weights / weights.sum(1, keepdims=True)


def _interpolated(keys: np.ndarray, values: np.ndarray, times: np.ndarray,
                  rule: str, turns: bool) -> np.ndarray:
    """Return the values (T, C) of a track at the given times."""
    times = times.clip(keys[0], keys[-1])
    if rule == 'STEP' or len(keys) == 1:
        return values[np.searchsorted(keys, times, 'right') - 1]
    if turns:
        return Slerp(keys, Rotation.from_quat(values))(times).as_quat()
    return np.stack([np.interp(times, keys, v) for v in values.T], 1)


def _local(node: dict, track: dict[str, np.ndarray],
           count: int) -> np.ndarray:
    """Return a node's transforms (T, 4, 4) to the node above it."""
    if 'matrix' in node:
        matrix = np.array(node['matrix'], float).reshape(4, 4).T
        return np.repeat(matrix[None], count, 0)

    def value(path: str, default: tuple[float, ...]) -> np.ndarray:
        if path in track:
            return track[path]
        return np.repeat([node.get(path, default)], count, 0).astype(float)

    matrix = np.repeat(np.eye(4)[None], count, 0)
    matrix[:, :3, :3] = (
        Rotation.from_quat(value('rotation', (0, 0, 0, 1))).as_matrix()
        * value('scale', (1, 1, 1))[:, None])
    matrix[:, :3, 3] = value('translation', (0, 0, 0))
    return matrix
