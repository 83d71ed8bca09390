"""How the key points of other animal sets become Animal3D's 26.

The legs need care, as every set has its own words for them. Animal3D's
``front_thigh`` is the elbow, ``front_knee`` the wrist, ``back_thigh`` the
(anatomical) knee and ``back_knee`` the hock. In AP-10K what is called
shoulder, elbow, hip and knee lies *one joint further down*: at elbow, wrist,
knee and hock. Animal-Pose calls these F_Elbow, F_Knee, B_Elbow and B_Knee.
"""
from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xas_mmpose.skeletons import ANIMAL3D_26, remap

#: AP-10K (arXiv 2108.12617), in its order, by the names of MMPose's metainfo.
#: None: Animal3D has no such key point. The neck is that of the shoulders,
#: Animal3D's that of the throat.
_AP_10K = {
    'L_Eye': 'left_eye', 'R_Eye': 'right_eye', 'Nose': 'nose', 'Neck': None,
    'Root of tail': 'tail_base',
    'L_Shoulder': 'left_front_thigh', 'L_Elbow': 'left_front_knee',
    'L_F_Paw': 'left_front_paw',
    'R_Shoulder': 'right_front_thigh', 'R_Elbow': 'right_front_knee',
    'R_F_Paw': 'right_front_paw',
    'L_Hip': 'left_back_thigh', 'L_Knee': 'left_back_knee',
    'L_B_Paw': 'left_back_paw',
    'R_Hip': 'right_back_thigh', 'R_Knee': 'right_back_knee',
    'R_B_Paw': 'right_back_paw',
}

#: Animal-Pose (arXiv 1908.05806), in MMPose's order. Approximate are ears,
#: annotated at their base, and the throat, which is on the skin.
_ANIMAL_POSE = {
    'L_Eye': 'left_eye', 'R_Eye': 'right_eye',
    'L_EarBase': 'left_ear', 'R_EarBase': 'right_ear',
    'Nose': 'nose', 'Throat': 'neck', 'TailBase': 'tail_base',
    'Withers': None,
    'L_F_Elbow': 'left_front_thigh', 'R_F_Elbow': 'right_front_thigh',
    'L_B_Elbow': 'left_back_thigh', 'R_B_Elbow': 'right_back_thigh',
    'L_F_Knee': 'left_front_knee', 'R_F_Knee': 'right_front_knee',
    'L_B_Knee': 'left_back_knee', 'R_B_Knee': 'right_back_knee',
    'L_F_Paw': 'left_front_paw', 'R_F_Paw': 'right_front_paw',
    'L_B_Paw': 'left_back_paw', 'R_B_Paw': 'right_back_paw',
}

#: The order of Animal-Pose's own files.
_ANIMAL_POSE_ORIGINAL = (
    'L_Eye', 'R_Eye', 'Nose', 'L_EarBase', 'R_EarBase',
    'L_F_Elbow', 'R_F_Elbow', 'L_B_Elbow', 'R_B_Elbow',
    'L_F_Knee', 'R_F_Knee', 'L_B_Knee', 'R_B_Knee',
    'L_F_Paw', 'R_F_Paw', 'L_B_Paw', 'R_B_Paw',
    'Throat', 'Withers', 'TailBase',
)

#: Horse-10 (arXiv 1909.11229). A horse's near side is its left, as the word
#: is used among riders, whichever side the camera sees. MMPose's metainfo
#: pairs no key points, so that its mirrored pictures mix the sides up; these
#: do not. Eye, shoulder, elbow and stifle are those of the side that is seen,
#: which the files do not name, so they are left out, as are trunk and
#: fetlocks, which Animal3D lacks.
_HORSE_10 = {
    'Nose': 'nose', 'Eye': None,
    'Nearknee': 'left_front_knee', 'Nearfrontfetlock': None,
    'Nearfrontfoot': 'left_front_paw',
    'Offknee': 'right_front_knee', 'Offfrontfetlock': None,
    'Offfrontfoot': 'right_front_paw',
    'Shoulder': None, 'Midshoulder': None, 'Elbow': None, 'Girth': None,
    'Wither': None,
    'Nearhindhock': 'left_back_knee', 'Nearhindfetlock': None,
    'Nearhindfoot': 'left_back_paw',
    'Hip': None, 'Stifle': None,
    'Offhindhock': 'right_back_knee', 'Offhindfetlock': None,
    'Offhindfoot': 'right_back_paw',
    'Ischium': None,
}

#: Grevy's zebras from above (DeepPoseKit). Where a leg leaves the trunk is
#: about the shoulder in front and nothing of Animal3D's behind; ``head`` is
#: the poll, ``neck`` its base.
_ZEBRA = {
    'snout': 'nose', 'head': None, 'neck': None,
    'forelegL1': 'left_shoulder', 'forelegR1': 'right_shoulder',
    'hindlegL1': None, 'hindlegR1': None,
    'tailbase': 'tail_base', 'tailtip': 'tail_end',
}

#: The name in Animal3D, or None, of each key point of a set, in the set's
#: order.
ANIMAL_KEYPOINT_SETS: Mapping[str, Mapping[str, str | None]] = (
    MappingProxyType({
        'ap10k': _AP_10K,
        'animalpose': _ANIMAL_POSE,
        'animalpose_original': {name: _ANIMAL_POSE[name]
                                for name in _ANIMAL_POSE_ORIGINAL},
        'horse10': _HORSE_10,
        'zebra': _ZEBRA,
        'animal3d': {name: name for name in ANIMAL3D_26.keypoint_names},
    }))


def to_animal3d_26(keypoint_set: str) -> tuple[int, ...]:
    """Return the index of each of Animal3D's key points in a set's.

    Args:
        keypoint_set: A key of :data:`ANIMAL_KEYPOINT_SETS`.

    Returns:
        Indices (26,), -1 where the set lacks the key point.

    Raises:
        ValueError: If there is no such set.
    """
    if keypoint_set not in ANIMAL_KEYPOINT_SETS:
        raise ValueError(f'keypoint_set is one of '
                         f'{", ".join(ANIMAL_KEYPOINT_SETS)}, got '
                         f'{keypoint_set!r}')
    names = [name or '' for name in
             ANIMAL_KEYPOINT_SETS[keypoint_set].values()]
    return tuple(remap(names, ANIMAL3D_26).tolist())
