"""Poses in which no limb passes through the body.

A quick test stands in for the mesh: every part becomes a capsule, and two
parts that are no neighbours must keep their distance. It works on the mean
shape, for any tree of joints.
"""
from __future__ import annotations

import numpy as np
import torch
from smplx.lbs import batch_rigid_transform, batch_rodrigues
from torch import Tensor

from .body import ParametricBody
from .pose_prior import PosePrior

#: Parts cross below this share of the sum of their radii. Against the mesh of
#: the free human, over 2000 poses of the rules, 6.8 % are rejected: all with
#: at least 30 of its 1229 vertices inside another limb or the trunk, 98 % of
#: those with 10, 85 % of those with any, and 0.5 % of those with none.
CLEARANCE = 0.9

#: Parts that are nearer than their radii at rest may come this much nearer.
_REST_SHARE = 0.8

#: Parts with two parts between them at most, as upper arm and chest, press
#: against each other: they may come this much nearer.
_NEAR_SHARE = 0.5

#: A part of fewer vertices is none: an eyelid, a joint within the body.
_FEWEST = 6

#: Draws for one pose before it is given up.
_TRIES = 200


class PartCapsules:
    """The parts of a body as capsules.

    A part is what a joint moves most. Its capsule lies along the part's
    longest axis: along a limb, but across a chest. The radius is the median
    distance of the part's vertices from that axis.

    Args:
        body: The body, at its mean shape.
        clearance: Share of the sum of two radii that two capsules keep
            between their axes.

    Attributes:
        joints: Joint of each capsule (N,).
        ends: Ends of each axis at rest (N, 2, 3), body's own frame, m.
        radii: Radius of each capsule (N,), m.
        pairs: Capsules that must keep their distance (2, P). Near each other
            in the tree they need not: what bends squeezes the skin.
        distances: Distance that their axes keep (P,), m.
    """

    def __init__(self, body: ParametricBody,
                 clearance: float = CLEARANCE) -> None:
        if not 0 < clearance <= 1:
            raise ValueError('clearance is a share of the radii, above 0 and '
                             f'at most 1, got {clearance}')
        rest = body.v_template.cpu().double().numpy()
        self._rest_joints = (body.joint_regressor @ body.v_template).cpu()
        self._parents = body.parents.cpu()
        seen = np.unique(body.faces.cpu().numpy())  # no clothes, no hair
        owned = [rest[seen[body.parts[seen] == joint]]
                 for joint in range(body.num_joints)]
        joints = [j for j, points in enumerate(owned)
                  if len(points) >= _FEWEST]
        capsules = [_fit_capsule(owned[joint]) for joint in joints]
        self.joints = torch.tensor(joints)
        self.ends = torch.tensor(np.array([ends for ends, _ in capsules]),
                                 dtype=torch.float32)
        self.radii = torch.tensor([radius for _, radius in capsules],
                                  dtype=torch.float32)
        self.pairs = torch.tensor(
            [(i, j) for j in range(len(joints)) for i in range(j)]).T
        hops = _hops(self._parents.tolist())[self.joints[self.pairs].unbind()]
        at_rest = _segment_distance(*self._segments(self.ends))
        touching = self.radii[self.pairs].sum(0)
        near = torch.from_numpy(hops <= 3)
        kept = torch.from_numpy(hops > 1) & (~near | (at_rest > touching))
        share = torch.where(near, _NEAR_SHARE * clearance, clearance)
        self.pairs = self.pairs[:, kept]
        self.distances = torch.minimum(share * touching,
                                       _REST_SHARE * at_rest)[kept]

    def crossing(self, pose: Tensor) -> Tensor:
        """Return how deep the worst crossing of each pose is.

        Args:
            pose: Axis angles (B, 3 J), radians.

        Returns:
            Depth (B,) in m: what the two parts lack of their distance; 0 for
            a pose without crossings.
        """
        num = len(pose)
        turns = batch_rodrigues(pose.reshape(-1, 3)).reshape(num, -1, 3, 3)
        _, moved = batch_rigid_transform(
            turns, self._rest_joints.expand(num, -1, -1), self._parents)
        moved = moved[:, self.joints]
        ends = (moved[:, :, None, :3, :3] @ self.ends[..., None]
                )[..., 0] + moved[:, :, None, :3, 3]
        lacking = self.distances - _segment_distance(*self._segments(ends))
        return lacking.amax(-1).clamp(min=0)

    def _segments(self, ends: Tensor) -> tuple[Tensor, ...]:
        """Return the ends (..., P, 3) of all pairs of axes."""
        first, second = ends[..., self.pairs[0], :, :], ends[
            ..., self.pairs[1], :, :]
        return (first[..., 0, :], first[..., 1, :], second[..., 0, :],
                second[..., 1, :])


class UncrossedPosePrior:
    """Draws poses of a prior until no limb passes through the body.

    The result is the prior's distribution, given that there is no crossing.

    Args:
        body: The body that takes the poses.
        prior: Where poses come from.
        clearance: See :class:`PartCapsules`.

    Raises:
        ValueError: If the prior's poses do not fit the body.
    """

    def __init__(self, body: ParametricBody, prior: PosePrior,
                 clearance: float = CLEARANCE) -> None:
        self.capsules = PartCapsules(body, clearance)
        self.prior = prior
        width = prior.sample(1, torch.Generator().manual_seed(0)).shape[1]
        if width != 3 * body.num_joints:
            raise ValueError(
                f'the prior draws {width} angles, the body has '
                f'{body.num_joints} joints of 3: take a prior of this kind '
                'of body')

    def sample(self, num: int, generator: torch.Generator) -> Tensor:
        """Draw poses.

        Args:
            num: Number of poses, B.
            generator: Source of randomness, on the CPU.

        Returns:
            Axis angles (B, 3 J), radians, float32.

        Raises:
            ValueError: If the prior gives crossing poses only.
        """
        poses = self.prior.sample(num, generator)
        crossed, = torch.nonzero(self.capsules.crossing(poses),
                                 as_tuple=True)
        for _ in range(_TRIES):
            if not len(crossed):
                return poses
            drawn = self.prior.sample(len(crossed), generator)
            poses[crossed] = drawn
            crossed = crossed[self.capsules.crossing(drawn) > 0]
        raise ValueError(
            f'{_TRIES} poses in a row cross themselves: the prior does not '
            'suit this body; narrow its ranges or lower clearance')


def _hops(parents: list[int]) -> np.ndarray:
    """Return how many bones lie between two joints (J, J)."""
    hops = np.zeros((len(parents), len(parents)), int)
    for joint, parent in enumerate(parents[1:], 1):  # parents come first
        hops[joint, :joint] = hops[:joint, joint] = hops[parent, :joint] + 1
    return hops


def _fit_capsule(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the axis (2, 3) and the radius of a capsule about (V, 3)."""
    center = (points.min(0) + points.max(0)) / 2
    axis = np.linalg.svd(points - points.mean(0))[2][0]
    along = (points - center) @ axis
    across = points - center - along[:, None] * axis
    middle = (across.min(0) + across.max(0)) / 2
    radius = float(np.median(np.linalg.norm(across - middle, axis=1)))
    # A capsule's caps reach beyond the ends of its axis.
    low, high = along.min() + radius, along.max() - radius
    if low > high:
        low = high = (low + high) / 2
    return center + middle + np.outer([low, high], axis), radius


def _segment_distance(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Return the distance (...) of the segments ab and cd, ends (..., 3).

    The nearest points of the lines, moved into the segments one after the
    other (Ericson, Real-Time Collision Detection, 5.1.9).
    """
    u, v, w = b - a, d - c, a - c
    uu, vv, uv = (u * u).sum(-1), (v * v).sum(-1), (u * v).sum(-1)
    uw, vw = (u * w).sum(-1), (v * w).sum(-1)
    uu, vv = uu.clamp(min=1e-12), vv.clamp(min=1e-12)
    s = ((uv * vw - uw * vv) / (uu * vv - uv * uv).clamp(min=1e-12)
         ).clamp(0, 1)
    t = ((uv * s + vw) / vv).clamp(0, 1)
    s = ((uv * t - uw) / uu).clamp(0, 1)
    return (w + s[..., None] * u - t[..., None] * v).norm(dim=-1)
