"""Human3.6M's 17 key points and the thorax, as the method uses them."""
from .skeleton import MaskLink, Skeleton

#: Human3.6M's own key points.
_OWN = (
    'root',
    'right_hip', 'right_knee', 'right_ankle',
    'left_hip', 'left_knee', 'left_ankle',
    'torso', 'neck', 'nose', 'head',
    'left_shoulder', 'left_elbow', 'left_wrist',
    'right_shoulder', 'right_elbow', 'right_wrist',
)

#: Order, parents and drawn links of the authors' released code (arXiv
#: 2411.13026): MMPose's 17 Human3.6M key points (whose ``spine, thorax,
#: neck_base, head`` are called torso, neck, nose, head here) and the thorax,
#: the mean of the shoulders.
HUMAN36M_18 = Skeleton(
    name='human36m_18',
    keypoint_names=(*_OWN, 'thorax'),
    parents=(
        'root',
        'root', 'right_hip', 'right_knee',
        'root', 'left_hip', 'left_knee',
        'root', 'thorax', 'neck', 'nose',
        'thorax', 'left_shoulder', 'left_elbow',
        'thorax', 'right_shoulder', 'right_elbow',
        'torso',
    ),
    extra_mask_links=(
        MaskLink('torso', 'right_hip'), MaskLink('torso', 'left_hip'),
        MaskLink('torso', 'left_shoulder'),
        MaskLink('torso', 'right_shoulder'),
        MaskLink('root', 'right_knee'), MaskLink('root', 'left_knee'),
        MaskLink('right_hip', 'right_shoulder'),
        MaskLink('left_hip', 'left_shoulder'),
    ),
    mask_widths=(
        ('left_elbow', 0.5), ('left_wrist', 0.5),
        ('right_elbow', 0.5), ('right_wrist', 0.5),
    ),
    lower_body=(
        'right_hip', 'right_knee', 'right_ankle',
        'left_hip', 'left_knee', 'left_ankle',
    ),
    joint_subsets=(
        # Limbs, neck and head.
        ('14', tuple(name for name in _OWN
                     if name not in ('root', 'torso', 'nose'))),
        ('17', _OWN),
        ('18', (*_OWN, 'thorax')),
    ),
)
