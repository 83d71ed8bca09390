"""Animal3D's 26 key points of four-legged animals."""
from .skeleton import MaskLink, Skeleton

#: Order and links of the Animal3D data set (arXiv 2308.11737). Its words for
#: the legs are the layman's: ``front_thigh`` is the elbow, ``front_knee`` the
#: wrist, ``back_thigh`` the (anatomical) knee, ``back_knee`` the hock.
#: ``mouth_mid`` is the chin and ``neck`` the throat. The trunk has one bone,
#: from the tail to the throat: the links that fill it for the mask losses are
#: ours.
ANIMAL3D_26 = Skeleton(
    name='animal3d_26',
    keypoint_names=(
        'left_eye', 'right_eye', 'mouth_mid',
        'left_front_paw', 'right_front_paw',
        'left_back_paw', 'right_back_paw',
        'tail_base',
        'left_front_thigh', 'right_front_thigh',
        'left_back_thigh', 'right_back_thigh',
        'left_shoulder', 'right_shoulder',
        'left_front_knee', 'right_front_knee',
        'left_back_knee', 'right_back_knee',
        'neck', 'tail_end',
        'left_ear', 'right_ear', 'left_mouth', 'right_mouth',
        'nose', 'tail_mid',
    ),
    parents=(
        'nose', 'nose', 'nose',
        'left_front_knee', 'right_front_knee',
        'left_back_knee', 'right_back_knee',
        'tail_base',
        'left_shoulder', 'right_shoulder',
        'tail_base', 'tail_base',
        'neck', 'neck',
        'left_front_thigh', 'right_front_thigh',
        'left_back_thigh', 'right_back_thigh',
        'tail_base', 'tail_mid',
        'left_eye', 'right_eye', 'nose', 'nose',
        'neck', 'tail_base',
    ),
    # The trunk is wide, and its lines are: drawn from the true key points of
    # the free animals they fit the silhouettes as people's do (IoU 0.74 and
    # 0.75, with lines of width 1 it was 0.61).
    extra_mask_links=(
        MaskLink('left_shoulder', 'tail_base', 6.0),
        MaskLink('right_shoulder', 'tail_base', 6.0),
        MaskLink('left_shoulder', 'left_back_thigh', 6.0),
        MaskLink('right_shoulder', 'right_back_thigh', 6.0),
        MaskLink('left_front_thigh', 'left_back_thigh', 2.0),
        MaskLink('right_front_thigh', 'right_back_thigh', 2.0),
    ),
    mask_widths=(
        ('neck', 4.0),
        ('left_shoulder', 6.0), ('right_shoulder', 6.0),
        ('left_front_thigh', 3.0), ('right_front_thigh', 3.0),
        ('left_back_thigh', 5.0), ('right_back_thigh', 5.0),
        ('left_front_knee', 0.7), ('left_front_paw', 0.7),
        ('right_front_knee', 0.7), ('right_front_paw', 0.7),
        ('left_back_knee', 0.7), ('left_back_paw', 0.7),
        ('right_back_knee', 0.7), ('right_back_paw', 0.7),
    ),
    lower_body=(
        'left_back_thigh', 'left_back_knee', 'left_back_paw',
        'right_back_thigh', 'right_back_knee', 'right_back_paw',
        'tail_mid', 'tail_end',
    ),
)
