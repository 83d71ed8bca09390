from __future__ import annotations

import numpy as np
import pytest

from xas_mmpose.skeletons import HUMAN36M_18

NAMES = ['left_hip', 'right_hip', 'neck', 'left_knee', 'right_knee',
         'left_ankle', 'right_ankle']
#: Somebody who faces the camera: x leads right in the picture, to the left
#: side of the body; y down; z away from the camera. Both knees are bent.
FACING = np.array([[100.0, 0, 3000], [-100, 0, 3000], [0, -500, 3000],
                   [100, 400, 2800], [-100, 400, 2800],
                   [100, 800, 3000], [-100, 800, 3000]])
SEEN = np.ones(7, bool)
EXCHANGED = [1, 0, 2, 4, 3, 6, 5]


@pytest.mark.parametrize('angle', [0, 1, 2, 3.1, 5])
def test_knees_bend_forward_whichever_way_one_looks(tool, angle):
    votes = tool('checking.sides').knee_votes
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    about_y = turn[[0, 2, 1]][:, [0, 2, 1]]
    pose = (FACING - [0, 0, 3000]) @ about_y.T @ turn.T + [0, 0, 3000]
    assert votes(pose, SEEN, NAMES) == (2, 0)
    assert votes(pose[EXCHANGED], SEEN, NAMES) == (0, 2)
    # A mirrored camera.
    assert votes(pose * [1, 1, -1], SEEN, NAMES) == (0, 2)
    # Mirror and exchange are a person again.
    assert votes((pose * [-1, 1, 1])[EXCHANGED], SEEN, NAMES) == (2, 0)


def test_what_tells_nothing_has_no_vote(tool):
    votes = tool('checking.sides').knee_votes
    straight = FACING.copy()
    straight[3:5, 2] = 2970
    assert votes(straight, SEEN, NAMES) == (0, 0)
    sideways = FACING.copy()
    sideways[3] = [400, 400, 3000]
    assert votes(sideways, SEEN, NAMES) == (1, 0)
    assert votes(FACING, SEEN & (np.arange(7) != 5), NAMES) == (1, 0)
    assert votes(FACING, SEEN & (np.arange(7) != 2), NAMES) == (0, 0)
    assert votes(FACING, SEEN, ['a'] * 7) == (0, 0)


@pytest.mark.parametrize('angle', [0, 1.5, 3, 4.5])
def test_faces_of_people_and_animals(tool, angle):
    sides = tool('checking.sides')
    names = sides.plain_names(['L_Eye', 'R_Eye', 'Nose'])
    assert names == ['left_eye', 'right_eye', 'nose']
    assert sides.plain_names(['left_knee', 'R_F_Hip', 'root']) == [
        'left_knee', 'right_f_hip', 'root']
    turn = np.array([[np.cos(angle), -np.sin(angle)],
                     [np.sin(angle), np.cos(angle)]])
    face = np.array([[10.0, 0], [-10, 0], [0, 12]]) @ turn.T + [300, 200]
    seen = np.ones(3, bool)
    assert sides.face_votes(face, seen, names) == (1, 0)
    assert sides.face_votes(face[[1, 0, 2]], seen, names) == (0, 1)
    profile = np.array([[10.0, 0], [-10, 0], [40, 3]])
    assert sides.face_votes(profile, seen, names) == (0, 0)
    assert sides.face_votes(face, seen & [1, 0, 1], names) == (0, 0)


@pytest.mark.parametrize('distance', [0, 3000])
def test_hidden_faces_have_no_vote(tool, distance):
    votes = tool('checking.sides').face_votes
    names = ['left_eye', 'right_eye', 'nose', 'tail']
    seen = np.ones(4, bool)
    facing = np.array([[10.0, 0, 0], [-10, 0, 0], [0, 12, -15], [0, 30, 90]])
    behind = facing * [-1, 1, -1]  # who turned round
    # From below the nose is nearest, and the eyes are hidden all the same.
    below = facing @ np.array([[1, 0, 0], [0, 0.2, 1], [0, -1, 0.2]]).T
    for pose, expected in ((facing, (1, 0)), (behind, (0, 0)),
                           (below, (0, 0))):
        flat = pose[:, :2] + 200
        pose = pose + np.array([0, 0, distance])
        assert votes(flat, seen, names, pose, seen) == expected
        # Labels that are exchanged are still not seen from behind.
        other = [1, 0, 2, 3]
        assert votes(flat[other], seen, names, pose[other],
                     seen) == expected[::-1]
    # At the edge of a wide picture one sees what looks past the camera.
    aside = facing @ np.array([[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]]).T
    aside += [-100, 0, 100]
    assert votes(aside[:, :2] / aside[:, 2:], seen, names, aside,
                 seen) == (0, 0)
    # Without the rest of the body nothing tells where the inside is.
    known = seen & (np.arange(4) != 3)
    assert votes(facing[:, :2], seen, names, facing, known) == (0, 0)


def test_paired_bones(tool):
    sides = tool('checking.sides')
    links = HUMAN36M_18.skeleton_links
    pairs = sides.bone_pairs(links, HUMAN36M_18.flip_indices)
    # Three bones of each leg and of each arm.
    assert len(pairs) == 6
    names = HUMAN36M_18.keypoint_names
    for first, second in pairs:
        for a, b in zip(first, second):
            assert names[b] == HUMAN36M_18.keypoint_names[
                HUMAN36M_18.flip_indices[a]]
    points, seen = np.zeros((18, 3)), np.ones(18, bool)
    points[HUMAN36M_18.index('left_ankle')] = [300, 0, 400]  # 500 long
    points[HUMAN36M_18.index('right_ankle')] = [0, 0, 300]
    values = sides.asymmetries(points, seen, pairs)
    assert sorted(values) == [0, 0, 0, 0, 0, 0.5]
    seen[HUMAN36M_18.index('left_hip')] = False
    assert sides.asymmetries(points, seen, pairs).count(None) == 2
