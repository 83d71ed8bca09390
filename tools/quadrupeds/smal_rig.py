"""SMAL's joints, weights and shapes on the animals' own rigs."""
from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

#: SMAL's joints and their parents.
JOINTS = (
    ('root', None), ('pelvis0', 'root'), ('spine', 'pelvis0'),
    ('spine0', 'spine'), ('spine1', 'spine0'), ('spine2', 'spine1'),
    ('spine3', 'spine2'),
    ('LLeg1', 'spine3'), ('LLeg2', 'LLeg1'), ('LLeg3', 'LLeg2'),
    ('LFoot', 'LLeg3'),
    ('RLeg1', 'spine3'), ('RLeg2', 'RLeg1'), ('RLeg3', 'RLeg2'),
    ('RFoot', 'RLeg3'),
    ('Neck', 'spine3'), ('Head', 'Neck'),
    ('LLegBack1', 'root'), ('LLegBack2', 'LLegBack1'),
    ('LLegBack3', 'LLegBack2'), ('LFootBack', 'LLegBack3'),
    ('RLegBack1', 'root'), ('RLegBack2', 'RLegBack1'),
    ('RLegBack3', 'RLegBack2'), ('RFootBack', 'RLegBack3'),
    ('Tail1', 'root'), ('Tail2', 'Tail1'), ('Tail3', 'Tail2'),
    ('Tail4', 'Tail3'), ('Tail5', 'Tail4'), ('Tail6', 'Tail5'),
    ('Tail7', 'Tail6'),
    ('Mouth', 'Head'), ('LEar', 'Head'), ('REar', 'Head'),
)
NAMES = tuple(name for name, _ in JOINTS)
PARENTS = tuple(NAMES.index(p) if p else -1 for _, p in JOINTS)

#: The joint that each bone moves with; a joint starts where the first bone
#: listed for it does. ``{}`` is L or R. The clips' feet hang on bones of
#: their own, and the rigs have one bone between rump and tail.
BONES = {
    'Back': 'root', 'Body': 'root', 'Torso': 'spine', 'Torso2': 'spine1',
    'Torso3': 'spine3', 'Neck1': 'Neck', 'Neck2': 'Neck', 'Neck3': 'Neck',
    'Head': 'Head',
    'BackLeg.{}': '{}LegBack1', 'BackShoulder.{}': '{}LegBack1',
    'BackUpperLeg.{}': '{}LegBack2', 'BackLowerLeg.{}': '{}LegBack3',
    'IKBackLeg.{}': '{}FootBack', 'FFB.{}': '{}FootBack',
    'Ear1.{}': '{}Ear', 'Ear2.{}': '{}Ear', 'Ear3.{}': '{}Ear',
    'Ear4.{}': '{}Ear', 'Tail1': 'root',
    **{f'Tail{i + 1}': f'Tail{i}' for i in range(1, 8)},
}
#: The rigs' front legs bend at other places: below the elbow of animals with
#: hooves, below the shoulder of those with paws.
HOOFED = {
    'FrontShoulder.{}': '{}Leg1', 'FrontUpperLeg.{}': '{}Leg2',
    'FrontLowerLeg.{}': '{}Leg3', 'IKFrontLeg.{}': '{}Foot',
    'FF.{}': '{}Foot',
}
PAWED = {
    'FrontUpperLeg.{}': '{}Leg1', 'FrontShoulder.{}': '{}Leg1',
    'FrontLowerLeg.{}': '{}Leg2', 'IKFrontLeg.{}': '{}Leg3',
    'FF.{}': '{}Foot',
}

#: One standard deviation of each shape component: growth of the groups of
#: joints along SMAL's axes.
SHAPES = {
    'size': {'all': (0.06, 0.06, 0.06)},
    'leg_length': {'leg': (0.0, 0.0, 0.07)},
    'leg_girth': {'leg': (0.08, 0.08, 0.0)},
    'trunk_length': {'trunk': (0.06, 0.0, 0.0)},
    'trunk_girth': {'trunk': (0.0, 0.07, 0.07)},
    'neck_length': {'neck': (0.08, 0.02, 0.08)},
    'head_size': {'head': (0.06, 0.06, 0.06)},
    'tail_length': {'tail': (0.1, 0.1, 0.1)},
}


def map_rig(vertices: np.ndarray, bones: dict[str, np.ndarray],
            bone_weights: np.ndarray, legs: dict[str, str],
            horn: np.ndarray, eyes: np.ndarray
            ) -> tuple[np.ndarray, np.ndarray]:
    """Return SMAL's joints and their weights.

    Args:
        vertices: Bind pose (V, 3), SMAL axes.
        bones: Start of each of the N bones (3,).
        bone_weights: Share of each bone in each vertex (V, N).
        legs: :data:`HOOFED` or :data:`PAWED`.
        horn: True at the vertices (V,) of horns.
        eyes: True at those of the eyes.

    Returns:
        Joints (35, 3) and weights (V, 35).
    """
    table = {**BONES, **legs}
    joints = joint_positions(bones, table)
    weights = np.zeros((len(vertices), len(NAMES)))
    for bone, owner in enumerate(bone_owners(list(bones), table)):
        weights[:, owner] += bone_weights[:, bone]
    weights[horn] = np.eye(len(NAMES))[NAMES.index('Head')]
    add_ears(vertices, bones, joints, weights, horn, eyes)
    add_mouth(vertices, joints, weights)
    add_tail(vertices, joints, weights)
    split_spine(vertices, joints, weights)
    return joints, weights


def bone_owners(bones: list[str], table: dict[str, str]) -> list[int]:
    """Return the joint that each bone moves with."""
    owners = []
    for bone in bones:
        side = bone[-1] if bone.endswith(('.L', '.R')) else ''
        base = bone[:-1] + '{}' if side else bone
        if bone.startswith('Pole'):  # the rig's controls move no vertex
            owners.append(0)
        elif base in table:
            owners.append(NAMES.index(table[base].format(side)))
        else:
            raise SystemExit(f'unknown bone {bone!r}')
    return owners


def joint_positions(bones: dict[str, np.ndarray],
                    table: dict[str, str]) -> np.ndarray:
    """Return where the joints are (35, 3), NaN where no bone is theirs.

    Args:
        bones: Start of each bone (3,).
        table: The joint of each bone, the one that starts it first.
    """
    joints = np.full((len(NAMES), 3), np.nan)
    for side in 'LR':
        for bone, owner in table.items():
            j = NAMES.index(owner.format(side))
            if np.isnan(joints[j]).any():
                joints[j] = bones.get(bone.format(side), np.nan)
        if table['FrontUpperLeg.{}'] == '{}Leg2':
            # These rigs have no shoulder: it is put over the elbow.
            shoulder, elbow = (NAMES.index(f'{side}Leg{i}') for i in (1, 2))
            joints[shoulder] = joints[elbow] * (1, 0.8, 1)
            joints[shoulder, 2] = joints[NAMES.index('spine3'), 2]
    return joints


def add_ears(vertices: np.ndarray, bones: dict[str, np.ndarray],
             joints: np.ndarray, weights: np.ndarray, horn: np.ndarray,
             eyes: np.ndarray) -> None:
    """Part the ears from the head; changes joints and weights."""
    head = NAMES.index('Head')
    for name, sign in (('LEar', 1), ('REar', -1)):
        ear = NAMES.index(name)
        if not np.isnan(joints[ear]).any():
            # Some rigs let an ear follow the head and its own bones by
            # half, and the eyes the ear: what is beyond the ear's start
            # is the ear, the rest is the head.
            axis = bones[f'Ear4.{name[0]}'] - joints[ear]
            along = (vertices - joints[ear]) @ axis / (axis @ axis)
            both = weights[:, ear] + weights[:, head]
            weights[:, ear] = (both * smooth((along - 0.1) / 0.4)
                               * (weights[:, ear] > 0.15 * both))
            weights[:, head] = both - weights[:, ear]
            continue
        out = sign * vertices[:, 1]
        cheek = np.abs(vertices[eyes, 1]).max()
        members = ~horn & (weights[:, head] > 0.3) & (out > cheek)
        tip = out[members].max()
        amount = smooth((out - cheek) / (tip - cheek) / 0.3) * members
        weights[:, ear] = amount * weights.sum(1)
        weights[:, [j for j in range(35) if j != ear]] *= (
            1 - amount[:, None])
        joints[ear] = vertices[(amount > 0) & (amount < 1)].mean(0)


def add_mouth(vertices: np.ndarray, joints: np.ndarray,
              weights: np.ndarray) -> None:
    """Put a joint at the root of the jaw; the rigs open no mouths."""
    head = NAMES.index('Head')
    front = vertices[weights[:, head] > 0.5]
    tip = front[front[:, 0].argmax()]
    joints[NAMES.index('Mouth')] = 0.5 * joints[head] + 0.5 * tip


def add_tail(vertices: np.ndarray, joints: np.ndarray,
             weights: np.ndarray) -> None:
    """Spread missing tail joints from the last one to the tail's tip."""
    tail = [NAMES.index(f'Tail{i}') for i in range(1, 8)]
    missing = [j for j in tail if np.isnan(joints[j]).any()]
    if not missing:
        return
    last = missing[0] - 1
    end = vertices[weights[:, last] > 0.5]
    tip = end[np.linalg.norm(end - joints[last], axis=1).argmax()]
    for i, j in enumerate(missing, start=1):
        share = i / (len(missing) + 1)
        joints[j] = joints[last] * (1 - share) + tip * share


def split_spine(vertices: np.ndarray, joints: np.ndarray,
                weights: np.ndarray) -> None:
    """Halve three of the rig's trunk bones: SMAL's trunk has more."""
    for first in (0, 2, 4):
        start, end = joints[first], joints[first + 2]
        joints[first + 1] = (start + end) / 2
        along = (vertices - start) @ (end - start) / ((end - start) ** 2).sum()
        moved = weights[:, first] * smooth((along - 0.3) / 0.4)
        weights[:, first + 1] += moved
        weights[:, first] -= moved


def smooth(x: np.ndarray) -> np.ndarray:
    """Return 0 below 0, 1 above 1, and a smooth step between."""
    x = x.clip(0, 1)
    return x * x * (3 - 2 * x)


def shape_components(vertices: np.ndarray, joints: np.ndarray,
                     weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what one unit of each shape coefficient moves.

    Every joint's surroundings are stretched along SMAL's axes about the
    joint and blended as in skinning.

    Args:
        vertices: Rest pose (V, 3).
        joints: Rest joints (35, 3).
        weights: Skinning weights (V, 35).

    Returns:
        Offsets of the vertices (V, 3, E) and of the joints (35, 3, E).
    """
    def group(name: str) -> str:
        if 'Leg' in name or 'Foot' in name:
            return 'leg'
        if name.startswith('Tail'):
            return 'tail'
        if name in ('Head', 'Mouth', 'LEar', 'REar'):
            return 'head'
        return 'neck' if name == 'Neck' else 'trunk'

    moved_vertices, moved_joints = [], []
    for growths in SHAPES.values():
        growth = np.array([growths.get('all', growths.get(group(n), [0] * 3))
                           for n in NAMES], float)
        shift = np.zeros((len(NAMES), 3))
        for j, parent in enumerate(PARENTS[1:], start=1):
            shift[j] = shift[parent] + growth[parent] * (
                joints[j] - joints[parent])
        moved_joints.append(shift)
        moved_vertices.append(
            weights @ (shift - growth * joints) + (weights @ growth)
            * vertices)
    return np.stack(moved_vertices, -1), np.stack(moved_joints, -1)


def joint_regressor(vertices: np.ndarray, shapedirs: np.ndarray,
                    joints: np.ndarray, joint_dirs: np.ndarray) -> np.ndarray:
    """Fit joints as convex combinations of nearby vertices.

    Args:
        vertices: Rest pose (V, 3).
        shapedirs: Offsets of the vertices (V, 3, E).
        joints: Rest joints (35, 3).
        joint_dirs: Offsets of the joints (35, 3, E).

    Returns:
        Regressor (35, V); rows sum to 1.
    """
    regressor = np.zeros((len(joints), len(vertices)))
    shapes = np.concatenate([vertices[..., None], 3 * shapedirs], -1)
    targets = np.concatenate([joints[..., None], 3 * joint_dirs], -1)
    for j in range(len(joints)):
        order = np.argsort(np.linalg.norm(vertices - joints[j], axis=1),
                           kind='stable')
        some = np.unique(np.concatenate([order[:80], order[80:600:3]]))
        system = shapes[some].reshape(len(some), -1).T
        one = 10.0  # makes the sum of the row 1
        system = np.concatenate([system, np.full((1, len(some)), one)])
        row, _ = nnls(system, np.append(targets[j].reshape(-1), one))
        regressor[j, some] = row / row.sum()
    return regressor
