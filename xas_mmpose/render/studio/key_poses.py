"""The 15 actions of Human3.6M as tables of key poses, in degrees.

A key pose names the joint groups of :mod:`.body_angles` that differ from
standing: ``spine`` (bend, side, turn), ``head`` (nod, turn, side), ``pelvis``
(tilt, roll, turn), arms (front, out, twist, elbow, wrist) and legs (front,
out, twist, knee, sole). One without legs stands in any of its action's
stances. The poses are made up, none is measured on a person.
"""
from __future__ import annotations

from dataclasses import dataclass

KeyPose = dict[str, tuple[float, ...]]

#: Arms that several actions share, as left ones.
_AT_EAR = (90, 54, 12, 143)
_AT_MOUTH = (58, 8, 26, 131)
_AT_HIP = (-24, 50, 24, 92, 35)
_AT_CHIN = (43, 6, 32, 137)
_CROSSED_OVER, _CROSSED_UNDER = (44, 14, 68, 104), (28, 10, 70, 96)
_ON_CHEST = (25, 22, 56, 131)
_BEHIND = (-26, 32, 76, 78)
_IN_POCKET = (-24, 29, 14, 70)
_CLASPED = (14, 14, 54, 54)
_ON_HEAD = (148, 55, 54, 122)
_ON_THIGH = (24, 10, 18, 52)
_CAMERA = (66, 18, 26, 119)

#: Ways to stand.
_STANCES: tuple[KeyPose, ...] = (
    {},
    dict(left_leg=(2, 7, 12, 4), right_leg=(0, 7, 12, 3)),
    dict(left_leg=(0, -2, 4, 2), right_leg=(2, -2, 6, 3)),
    dict(pelvis=(0, 6), left_leg=(0, -3, 6, 1),
         right_leg=(15, 4, 14, 26, 8)),
    dict(pelvis=(0, -6), right_leg=(0, -3, 6, 1),
         left_leg=(12, 7, 18, 22, 6)),
    dict(left_leg=(16, 0, 5, 7), right_leg=(-13, 1, 10, 5, 7)),
)
#: Ways to sit on a stool.
_SEATED: tuple[KeyPose, ...] = (
    dict(pelvis=(-4,), left_leg=(87, 5, 4, 88), right_leg=(87, 5, 4, 88)),
    dict(pelvis=(-8,), left_leg=(84, 12, 8, 78), right_leg=(88, 12, 8, 93)),
    dict(pelvis=(-2,), left_leg=(85, 2, 0, 70), right_leg=(88, 2, 0, 100, 22)),
    dict(pelvis=(6,), left_leg=(84, 20, 10, 96, 8),
         right_leg=(84, 20, 10, 90)),
    # One leg over the other.
    dict(pelvis=(-6,), left_leg=(87, 0, 0, 90),
         right_leg=(103, -10, 0, 80, 30)),
)


@dataclass(frozen=True)
class Action:
    """How somebody moves in one of Human3.6M's actions.

    Args:
        keys: Key poses, drawn one after the other.
        stances: Legs of the key poses that say nothing of legs.
        period: Mean time from one key pose to the next, seconds.
        switches: Whether left and right change roles within a recording.
        on_stool: Whether a stool stands under the person.
        stride: Length of two steps of somebody who walks, mm; 0 stands.
        swing: How far the left and the right arm swing in walking, degrees.
        cuts: Whether one key pose follows another at once: on the way from
            one way to sit on the floor to another a mean of both would hang
            in the air.
    """

    keys: tuple[KeyPose, ...]
    stances: tuple[KeyPose, ...] = _STANCES
    period: float = 1.6
    switches: bool = True
    on_stool: bool = False
    stride: float = 0.0
    swing: tuple[float, float] = (0.0, 0.0)
    cuts: bool = False


ACTIONS: dict[str, Action] = {
    'Directions': Action(period=1.5, keys=(
        dict(left_arm=(88, 12, 0, 10), head=(2, 15)),
        dict(left_arm=(75, 75, 0, 12), head=(2, 45), spine=(3, 0, 15)),
        dict(left_arm=(125, 30, 10, 15), head=(-14, 15)),
        dict(left_arm=(62, -14, 20, 20), head=(4, -30), spine=(4, 0, -18)),
        dict(left_arm=(45, 45, 0, 40), right_arm=(45, 45, 0, 40)),
        dict(left_arm=(20, 85, 0, 8), head=(2, 60), spine=(2, -4, 12)),
        dict(left_arm=(60, 20, 40, 85), right_arm=_AT_HIP),
        dict(left_arm=(8, 30, -10, 20), head=(25, 20), spine=(14, 0, 8)),
        {},
    )),
    'Discussion': Action(period=1.1, keys=(
        dict(left_arm=(35, 15, 25, 85), right_arm=(35, 15, 25, 85)),
        dict(left_arm=(25, 28, -15, 95), right_arm=(25, 28, -15, 95),
             head=(0, 15)),
        dict(left_arm=(40, 10, 45, 100), right_arm=(5, 10, 20, 30),
             head=(6, -20)),
        dict(left_arm=_CROSSED_OVER, right_arm=_CROSSED_UNDER),
        dict(left_arm=(50, 30, 0, 60), head=(2, 30), spine=(4, 0, 10)),
        dict(left_arm=_ON_CHEST, right_arm=(30, 25, 0, 80)),
        dict(left_arm=(65, 40, 10, 70), right_arm=(60, 35, 5, 75),
             spine=(-2, 0, 0)),
        dict(left_arm=_AT_CHIN, right_arm=_CROSSED_UNDER, head=(8, 10)),
        dict(left_arm=_CLASPED, right_arm=_CLASPED),
    )),
    'Eating': Action(
        period=1.4, switches=False, on_stool=True, stances=_SEATED, keys=(
            dict(left_arm=_AT_MOUTH, right_arm=(30, 12, 35, 75),
                 head=(14, 0), spine=(12, 0, 0)),
            dict(left_arm=(38, 14, 30, 78), right_arm=(34, 12, 35, 72),
                 head=(22, 0), spine=(14, 0, 0)),
            dict(left_arm=(62, 22, 5, 40), right_arm=(30, 12, 35, 75),
                 head=(14, 15), spine=(20, 0, 6)),
            dict(left_arm=(40, 20, 20, 95), right_arm=_ON_THIGH,
                 head=(2, 30), spine=(4, 0, 5)),
            dict(left_arm=_AT_MOUTH, right_arm=_AT_MOUTH, head=(6, 0),
                 spine=(6, 0, 0)),
            dict(left_arm=(70, 10, 24, 118), right_arm=_ON_THIGH,
                 head=(-16, 0), spine=(-4, 0, 0)),
        )),
    'Greeting': Action(period=1.0, keys=(
        dict(left_arm=(165, 30, 0, 20), head=(-4, 10)),
        dict(left_arm=(120, 60, 0, 75), head=(0, 15)),
        dict(left_arm=(130, 85, 0, 35), head=(0, 25), spine=(2, 6, 0)),
        dict(left_arm=(58, 4, 22, 48), head=(4, 5), spine=(8, 0, 4)),
        dict(pelvis=(32, 0, 0), spine=(28, 0, 0), head=(6, 0),
             left_arm=(28, 4, 10, 12), right_arm=(28, 4, 10, 12)),
        dict(left_arm=_ON_CHEST, spine=(12, 0, 0), head=(14, 0)),
        dict(left_arm=(75, 55, 0, 35), right_arm=(75, 55, 0, 35)),
        dict(left_arm=(155, 45, 5, 25), right_arm=(155, 45, 5, 25),
             head=(-10, 0)),
        {},
    )),
    'Phoning': Action(period=2.0, switches=False, keys=(
        dict(left_arm=_AT_EAR, head=(6, 10, -12)),
        dict(left_arm=_AT_EAR, right_arm=_CROSSED_UNDER, head=(10, 0, -10)),
        dict(left_arm=_AT_EAR, right_arm=_AT_HIP, head=(2, -35, -8)),
        dict(left_arm=_AT_EAR, right_arm=(35, 30, 0, 75), head=(4, 20, -10)),
        dict(left_arm=_AT_EAR, right_arm=_IN_POCKET, head=(18, -10, -12),
             spine=(10, 0, -6)),
        dict(left_arm=(32, 12, 34, 108), head=(32, 0, 0), spine=(8, 0, 0)),
        dict(left_arm=_AT_EAR, right_arm=_BEHIND, head=(-8, 25, -6)),
    )),
    'Photo': Action(period=2.2, keys=(
        dict(left_arm=_CAMERA, right_arm=_CAMERA, head=(2, 0)),
        dict(left_arm=(35, 17, 29, 112), right_arm=(35, 17, 29, 112),
             head=(26, 0), spine=(6, 0, 0)),
        dict(left_arm=(105, 20, 20, 85), right_arm=(105, 20, 20, 85),
             head=(-24, 0), spine=(-10, 0, 0)),
        dict(left_arm=_CAMERA, right_arm=_CAMERA, pelvis=(18, 0, 0),
             spine=(20, 0, 0), head=(-6, 0), left_leg=(34, 6, 10, 52),
             right_leg=(34, 6, 10, 52)),
        dict(left_arm=_CAMERA, right_arm=_CAMERA, head=(0, 0),
             spine=(8, 0, 0), left_leg=(88, 6, 6, 90),
             right_leg=(-6, 6, 0, 96, 140)),
        dict(left_arm=(72, 12, 10, 60), right_arm=(8, 12, 20, 30),
             head=(4, 10)),
        dict(left_arm=_CAMERA, right_arm=_CAMERA, spine=(4, 14, 12),
             head=(0, 0, 12)),
    )),
    'Posing': Action(period=2.2, keys=(
        dict(left_arm=_AT_HIP, right_arm=_AT_HIP, head=(0, 25)),
        dict(left_arm=_AT_HIP, right_arm=_ON_HEAD, spine=(0, -10, 8),
             head=(-4, -20)),
        dict(left_arm=(10, 95, 0, 6), right_arm=(10, 95, 0, 6),
             head=(-8, 0), spine=(-6, 0, 0)),
        dict(left_arm=_CROSSED_OVER, right_arm=_CROSSED_UNDER,
             head=(-4, 15), spine=(-3, 0, 10)),
        dict(left_arm=_ON_HEAD, right_arm=_ON_HEAD, head=(-6, 0)),
        dict(left_arm=(40, 70, 0, 110), right_arm=(40, 70, 0, 110),
             spine=(0, 0, 10)),
        dict(left_arm=_AT_CHIN, right_arm=_AT_HIP, spine=(4, 8, -12),
             head=(6, 20)),
        dict(left_arm=(150, 40, 0, 20), right_arm=_AT_HIP,
             spine=(-4, -14, 0), head=(-10, 20)),
        dict(left_arm=(20, 60, 10, 30), right_arm=(100, 30, 0, 30),
             left_leg=(42, 12, 14, 52), right_leg=(-26, 8, 16, 6, 28),
             spine=(4, 0, -10)),
    )),
    'Purchases': Action(period=1.7, keys=(
        dict(pelvis=(48, 0, 0), spine=(45, 0, 0), head=(-6, 0),
             left_arm=(62, 8, 10, 12), right_arm=(50, 10, 10, 30),
             left_leg=(28, 6, 8, 42), right_leg=(28, 6, 8, 42)),
        dict(left_arm=(140, 18, 10, 22), head=(-22, 8), spine=(-6, -4, 0)),
        dict(left_arm=(60, 18, 15, 55), right_arm=(58, 18, 15, 58),
             head=(14, 0)),
        dict(left_arm=(28, 14, 34, 82), right_arm=(28, 14, 34, 82),
             spine=(-4, 0, 0)),
        dict(left_arm=(95, 25, 8, 30), right_arm=(2, 14, 10, 12),
             spine=(10, 0, -14), head=(6, 10)),
        dict(left_arm=(30, 6, 8, 25), head=(24, 12), spine=(24, 6, 10),
             pelvis=(16, 0, 0)),
        dict(left_arm=(2, 16, 8, 6), right_arm=(2, 16, 8, 6)),
        dict(spine=(30, 0, 0), pelvis=(24, 0, 0), head=(4, 0),
             left_arm=(70, 10, 15, 40), right_arm=(34, 8, 20, 70),
             left_leg=(110, 30, 22, 134, 22),
             right_leg=(106, 30, 22, 134, 28)),
    )),
    'Sitting': Action(
        period=2.4, on_stool=True, stances=_SEATED, keys=(
            dict(left_arm=_ON_THIGH, right_arm=_ON_THIGH),
            dict(left_arm=(32, 8, 20, 42), right_arm=(32, 8, 20, 42),
                 spine=(28, 0, 0), head=(-6, 0)),
            dict(left_arm=_CROSSED_OVER, right_arm=_CROSSED_UNDER,
                 spine=(-4, 0, 0), head=(2, 25)),
            dict(left_arm=_AT_CHIN, right_arm=_ON_THIGH, spine=(24, 0, 4),
                 head=(2, 10)),
            dict(left_arm=(-20, 12, 10, 14), right_arm=(-20, 12, 10, 14),
                 spine=(-10, 0, 0), head=(-4, -25)),
            dict(left_arm=_ON_HEAD, right_arm=_ON_HEAD, spine=(-8, 0, 0)),
            dict(left_arm=(48, 20, 0, 60), right_arm=_ON_THIGH,
                 head=(4, 35), spine=(2, 0, 16)),
        )),
    'SittingDown': Action(period=2.6, cuts=True, keys=(
        # Cross-legged.
        dict(pelvis=(-10, 0, 0), spine=(20, 0, 0), head=(0, 0),
             left_arm=(30, 18, 20, 48), right_arm=(30, 18, 20, 48),
             left_leg=(98, 50, 54, 112, 40),
             right_leg=(101, 46, 70, 138, 40)),
        # Legs stretched, on the hands.
        dict(pelvis=(-24, 0, 0), spine=(8, 0, 0), head=(12, 0),
             left_arm=(-34, 20, 0, 8), right_arm=(-34, 20, 0, 8),
             left_leg=(86, 6, 10, 4, 0), right_leg=(86, 6, 10, 4, 0)),
        # Knees up, arms around them.
        dict(pelvis=(-16, 0, 0), spine=(38, 0, 0), head=(0, 0),
             left_arm=(56, 24, 52, 44), right_arm=(56, 24, 52, 44),
             left_leg=(134, 4, 6, 112, 6), right_leg=(134, 4, 6, 112, 6)),
        # On the heels.
        dict(pelvis=(-4, 0, 0), spine=(6, 0, 0), left_arm=(18, 8, 24, 40),
             right_arm=(18, 8, 24, 40), left_leg=(60, 6, -4, 150, 150),
             right_leg=(60, 6, -4, 150, 150)),
        # On one knee.
        dict(spine=(16, 0, 0), left_arm=(42, 8, 24, 56),
             right_arm=(6, 12, 15, 20), left_leg=(90, 6, 6, 92),
             right_leg=(-6, 6, 0, 96, 140)),
        # One leg stretched, one knee up.
        dict(pelvis=(-20, 0, 0), spine=(20, 0, 0),
             left_arm=(50, 12, 20, 40), right_arm=(-30, 22, 0, 10),
             left_leg=(132, 8, 8, 112, 4), right_leg=(86, 10, 12, 8)),
        # Squatting.
        dict(pelvis=(22, 0, 0), spine=(32, 0, 0), head=(-8, 0),
             left_arm=(58, 4, 34, 62), right_arm=(58, 4, 34, 62),
             left_leg=(112, 32, 24, 136, 24),
             right_leg=(112, 32, 24, 136, 24)),
    )),
    'Smoking': Action(period=1.8, switches=False, keys=(
        dict(left_arm=_AT_MOUTH, right_arm=_CROSSED_UNDER),
        dict(left_arm=(22, 26, 5, 72), right_arm=_CROSSED_UNDER,
             head=(-6, 10)),
        dict(left_arm=_AT_MOUTH, right_arm=_IN_POCKET, head=(8, -15)),
        dict(left_arm=(4, 16, 5, 24), right_arm=_IN_POCKET,
             head=(-14, 25), spine=(-4, 0, 5)),
        dict(left_arm=(46, 34, -5, 110), right_arm=_AT_HIP, head=(0, 30)),
        dict(left_arm=_AT_MOUTH, head=(6, 10), spine=(8, 0, 0)),
    )),
    'Waiting': Action(period=2.4, keys=(
        dict(left_arm=_CROSSED_OVER, right_arm=_CROSSED_UNDER),
        dict(left_arm=_AT_HIP, right_arm=_AT_HIP, head=(2, -40)),
        dict(left_arm=(42, 4, 58, 92), head=(28, 12), spine=(6, 0, 0)),
        dict(left_arm=_BEHIND, right_arm=_BEHIND, head=(-4, 30)),
        dict(left_arm=_IN_POCKET, right_arm=_IN_POCKET, head=(16, -20)),
        dict(left_arm=_CLASPED, right_arm=_CLASPED, head=(4, 55),
             spine=(3, 0, 18)),
        dict(left_arm=_AT_CHIN, right_arm=_CROSSED_UNDER, head=(6, 0)),
        dict(head=(-10, -45), spine=(0, 0, -14)),
    )),
    'WalkDog': Action(
        period=2.0, switches=False, stride=1050, swing=(4, 20), keys=(
            dict(left_arm=(30, 14, 10, 36), head=(16, 15)),
            dict(left_arm=(58, 20, 5, 22), head=(12, 10), spine=(9, 0, -6)),
            dict(left_arm=(16, 20, 10, 62), head=(20, 30), spine=(6, 0, 8)),
            dict(left_arm=(6, 34, 0, 18), head=(24, 40), spine=(8, 6, 12)),
            dict(left_arm=(45, 10, 20, 60), right_arm=(42, 10, 20, 62),
                 spine=(-4, 0, 0)),
        )),
    'Walking': Action(
        period=2.0, stride=1300, swing=(24, 24), keys=(
            {}, dict(head=(4, 25)), dict(head=(14, -8), spine=(7, 0, 0)),
            dict(head=(0, -30), spine=(2, 0, -5)),
            dict(spine=(5, 0, 0), left_arm=(8, 10, 20, 34),
                 right_arm=(8, 10, 20, 34)),
        )),
    'WalkTogether': Action(
        period=1.5, stride=1150, swing=(18, 18), keys=(
            dict(head=(2, 55), spine=(3, 0, 12)),
            dict(head=(2, 40), left_arm=(40, 18, 20, 85)),
            dict(head=(4, 10)),
            dict(head=(4, 50), left_arm=(30, 50, -5, 60),
                 spine=(3, 0, 14)),
            dict(head=(10, -15), right_arm=_IN_POCKET),
            dict(head=(0, 45), left_arm=_ON_CHEST),
        )),
}

#: Two steps of walking as left leg, in equal times from the heel's touch:
#: front, knee, sole. The other leg is half a turn behind.
GAIT = (
    (25, 4, -16), (21, 15, -2), (6, 9, 0), (-11, 7, 9), (-7, 38, 44),
    (14, 61, 36), (28, 34, 4), (28, 6, -16),
)
