"""The capsules against closed forms and against the mesh itself."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from xas_mmpose.body_models import (
    FilePosePrior,
    ParametricBody,
    sample_pose,
)
from xas_mmpose.body_models.self_intersection import (
    PartCapsules,
    UncrossedPosePrior,
    _segment_distance,
)
from xas_mmpose.body_models.smpl import SMPLBody, free_human
from xas_mmpose.skeletons import ANIMAL3D_26

#: SMPL's joints by group, and those of each that move freely.
GROUPS = dict(torso=((0, 3, 6, 9, 12, 13, 14, 15), ()),
              left_leg=((1, 4, 7, 10), (4, 7, 10)),
              right_leg=((2, 5, 8, 11), (5, 8, 11)),
              left_arm=((16, 18, 20, 22), (18, 20, 22)),
              right_arm=((17, 19, 21, 23), (19, 21, 23)))


def seeded(seed: int = 0) -> torch.Generator:
    """Return a generator."""
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope='module')
def body() -> SMPLBody:
    return free_human()


def bend(**degrees: float) -> torch.Tensor:
    """Return a pose (1, 72) from angles by 'joint<number><axis>'."""
    pose = torch.zeros(1, 24, 3)
    for name, value in degrees.items():
        pose[0, int(name[5:-1]), 'xyz'.index(name[-1])] = np.deg2rad(value)
    return pose.reshape(1, 72)


def winding_numbers(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return how often triangles (F, 3, 3) go around points (N, 3)."""
    a, b, c = np.moveaxis(triangles[None] - points[:, None, None], 2, 0)
    la, lb, lc = (np.linalg.norm(x, axis=-1) for x in (a, b, c))
    volume = np.einsum('nfc,nfc->nf', a, np.cross(b, c))
    rest = (la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la
            + (c * a).sum(-1) * lb)
    return np.arctan2(volume, rest).sum(1) / (2 * np.pi)


def vertices_inside(body: SMPLBody, pose: torch.Tensor) -> np.ndarray:
    """Return (B,): vertices of forearms and shins inside other groups."""
    num = len(pose)
    with torch.no_grad():
        vertices = body(torch.zeros(num, body.num_betas), pose[:, :3],
                        pose[:, 3:]).vertices.double().numpy()
    faces, counts = body.faces.numpy(), np.zeros(num, int)
    for name, (members, _) in GROUPS.items():
        own = faces[np.isin(body.parts[faces], members).all(1)]
        others = np.isin(body.parts, [
            j for other, (_, free) in GROUPS.items() if other != name
            for j in free])
        for n in range(num):
            corners, points = vertices[n][own], vertices[n][others]
            low, high = corners.min((0, 1)), corners.max((0, 1))
            points = points[((points > low) & (points < high)).all(1)]
            if len(points):
                counts[n] += (winding_numbers(points, corners) > 0.5).sum()
    return counts


def animal() -> ParametricBody:
    """Return a beast of tubes: x front, y left, z up, legs of two bones.

    Joints: 0 pelvis, 1 chest, 2 head, then thigh and shin of the left and
    right hind leg (3 to 6) and of the front legs (7 to 10).
    """
    joints = [(0, 0, .7), (.8, 0, .7), (1.1, 0, 1)]
    parents, tips = [-1, 0, 1], {2: (1.3, 0, 1)}
    for root, x in ((0, 0), (1, .8)):
        for y in (.12, -.12):
            parents += [root, len(joints)]
            joints += [(x, y, .6), (x, y, .3)]
            tips[len(joints) - 1] = (x, y, .02)
    joints = np.array(joints, float)
    ends = {**{p: joints[j] for j, p in reversed(list(enumerate(parents)))
               if p >= 0 and p not in (0, 1)}, 0: joints[1], 1: joints[2],
            **tips}
    vertices, owner, faces = [], [], []
    for joint, end in ends.items():
        axis = np.asarray(end) - joints[joint]
        side = np.cross(axis, [0.3, 1, 0.2])
        side /= np.linalg.norm(side)
        other = np.cross(axis, side) / np.linalg.norm(axis)
        radius = .2 if joint in (0, 1) else .05
        for share in np.linspace(0, 1, 6):
            for angle in np.linspace(0, 2 * np.pi, 8, endpoint=False):
                vertices.append(joints[joint] + share * axis + radius * (
                    np.cos(angle) * side + np.sin(angle) * other))
                owner.append(joint)
    faces = np.arange(len(vertices) // 3 * 3).reshape(-1, 3)
    weights = np.eye(len(joints))[owner]
    # Affine in the vertices, and exact at rest: all that is needed here.
    regressor = np.linalg.lstsq(
        np.column_stack([vertices, np.ones(len(vertices))]).T,
        np.column_stack([joints, np.ones(len(joints))]).T, rcond=None)[0].T
    num = ANIMAL3D_26.num_keypoints
    return ParametricBody(
        dict(v_template=np.array(vertices), f=faces, weights=weights,
             shapedirs=np.zeros((len(vertices), 3, 2)),
             posedirs=np.zeros((len(vertices), 3, 90)),
             J_regressor=regressor,
             kintree_table=np.array([parents, range(len(joints))])),
        ANIMAL3D_26, np.eye(len(joints))[np.zeros(num, int)],
        np.zeros((num, len(vertices))))


def test_segment_distance() -> None:
    rng = np.random.default_rng(0)
    ends = rng.normal(size=(60, 4, 3))
    ends[0, 3] = ends[0, 2]  # a point
    ends[1, 3] = ends[1, 2] + 2 * (ends[1, 1] - ends[1, 0])  # parallel
    ours = _segment_distance(*torch.from_numpy(ends).unbind(1))
    share = np.linspace(0, 1, 401)
    first = ends[:, 0, None] + share[:, None] * (ends[:, 1] - ends[:, 0]
                                                 )[:, None]
    second = ends[:, 2, None] + share[:, None] * (ends[:, 3] - ends[:, 2]
                                                  )[:, None]
    nearest = [cdist(*pair).min() for pair in zip(first, second)]
    # A grid of 400 steps over lengths of up to 5 is up to 0.02 too far.
    np.testing.assert_array_less(ours, np.array(nearest) + 1e-6)
    np.testing.assert_allclose(ours, nearest, atol=0.02)
    crossed = torch.tensor([[-1.0, 0, 0], [1, 0, 0], [0, -1, 0.5],
                            [0, 2, 0.5]], dtype=torch.float64)
    assert _segment_distance(*crossed) == pytest.approx(0.5, abs=1e-12)


def test_capsules_lie_in_the_body(body: SMPLBody) -> None:
    capsules = PartCapsules(body)
    assert capsules.joints.tolist() == list(range(24))
    axes = capsules.ends[:, 1] - capsules.ends[:, 0]
    lengths = axes.norm(dim=1)
    # Upper arm, forearm, thigh, shin and chest of an adult: along the limb,
    # across the chest, as long as the capsule's caps leave.
    for joint, axis, thin, thick, short, long in [
            (16, 0, .04, .06, .15, .25), (18, 0, .03, .045, .15, .25),
            (1, 1, .06, .09, .2, .35), (4, 1, .045, .065, .2, .35),
            (9, 0, .07, .11, .1, .3)]:
        assert thin < capsules.radii[joint] < thick
        assert short < lengths[joint] < long
        assert abs(axes[joint, axis]) > 0.98 * lengths[joint]
        others = body.v_template[body.parts == joint]
        middle = (others.amin(0) + others.amax(0)) / 2
        assert (capsules.ends[joint].mean(0) - middle).norm() < 0.02
    for left, right in ((1, 2), (4, 5), (16, 17), (18, 19), (22, 23)):
        assert capsules.radii[left].item() == pytest.approx(
            capsules.radii[right].item(), rel=0.03)
    assert (capsules.distances > 0).all()


def test_poses_that_anybody_can_judge(body: SMPLBody) -> None:
    capsules = PartCapsules(body)
    free = dict(
        rest=bend(), arms_down=bend(joint16z=-70, joint17z=70),
        sitting=bend(joint1x=-90, joint2x=-90, joint4x=90, joint5x=90),
        bent_elbow=bend(joint18y=-120), bowing=bend(joint3x=60, joint6x=20),
        striding=bend(joint1x=-40, joint2x=40))
    for name, pose in free.items():
        assert capsules.crossing(pose) == 0, name
    crossing = dict(
        forearm_in_belly=bend(joint16z=-75, joint18z=-90),
        shins_in_each_other=bend(joint1z=-11, joint2z=11),
        arm_in_thigh=bend(joint16z=-100))
    for name, pose in crossing.items():
        assert capsules.crossing(pose) > 0.01, name
        assert vertices_inside(body, pose)[0] > 10, name
    # The root's turn moves nothing inside the body.
    turned = crossing['arm_in_thigh'].clone()
    turned[:, :3] = torch.tensor([0.3, 2.0, -1.0])
    torch.testing.assert_close(capsules.crossing(turned),
                               capsules.crossing(crossing['arm_in_thigh']),
                               rtol=0, atol=1e-5)


def test_the_mesh_agrees(body: SMPLBody) -> None:
    """Over rule poses: what crosses is found, what is free is kept."""
    poses = sample_pose(400, seeded())
    found = (PartCapsules(body).crossing(poses) > 0).numpy()
    inside = vertices_inside(body, poses)
    deep, free = inside >= 10, inside == 0
    assert deep.sum() > 10
    assert free.sum() > 350
    assert found[deep].mean() > 0.9
    assert found[inside >= 30].all()
    assert found[free].mean() < 0.02


def test_only_poses_without_crossings_are_drawn(body: SMPLBody) -> None:
    class Counted:
        drawn: list = []

        def sample(self, num, generator):
            self.drawn.append(num)
            return sample_pose(num, generator)

    prior = UncrossedPosePrior(body, Counted())
    Counted.drawn.clear()
    poses = prior.sample(600, seeded())
    assert poses.shape == (600, 72)
    assert poses.dtype == torch.float32
    assert (prior.capsules.crossing(poses) == 0).all()
    plain = sample_pose(600, seeded())
    kept = prior.capsules.crossing(plain) == 0
    assert torch.equal(poses[kept], plain[kept])  # the rest was drawn again
    assert Counted.drawn[:2] == [600, int((~kept).sum())]
    assert 0.03 < (~kept).float().mean() < 0.09
    assert torch.equal(prior.sample(50, seeded(3)),
                       prior.sample(50, seeded(3)))


def test_priors_that_do_not_fit_are_refused(body: SMPLBody) -> None:
    class Stuck:
        def __init__(self, pose):
            self.pose = pose

        def sample(self, num, generator):
            return self.pose.repeat(num, 1)

    prior = UncrossedPosePrior(body, Stuck(bend(joint16z=-100)))
    with pytest.raises(ValueError, match='poses in a row cross themselves'):
        prior.sample(2, seeded())
    with pytest.raises(ValueError, match='105 angles, the body has 24'):
        UncrossedPosePrior(body, Stuck(torch.zeros(1, 105)))
    with pytest.raises(ValueError, match='clearance is a share'):
        PartCapsules(body, clearance=1.5)


def test_any_tree_of_joints() -> None:
    body = animal()
    capsules = PartCapsules(body)
    assert len(capsules.joints) == 11
    assert capsules.radii[capsules.joints == 4].item() == pytest.approx(
        0.05, abs=0.005)

    def pose(**turns):
        angles = torch.zeros(1, 11, 3)
        for joint, turn in turns.items():
            angles[0, int(joint[1:])] = torch.tensor(turn)
        return angles.reshape(1, 33)

    trot = pose(j3=(0, .5, 0), j4=(0, -.3, 0), j5=(0, -.5, 0), j2=(0, .6, 0))
    assert capsules.crossing(trot) == 0
    # Both hind legs swing to the other side (about x, the front).
    knotted = pose(j3=(-.5, 0., 0), j5=(.5, 0., 0))
    assert capsules.crossing(knotted) > 0.02
    folded = pose(j7=(0, 2.6, 0.))  # a front leg up into the chest
    poses = torch.cat([trot, knotted, folded]).numpy()
    prior = UncrossedPosePrior(body, FilePosePrior(poses))
    drawn = prior.sample(40, seeded())
    free = torch.from_numpy(poses)[capsules.crossing(
        torch.from_numpy(poses)) == 0]
    assert (drawn[:, None] == free).all(-1).any(1).all()
    assert (drawn == trot).all(1).any()
