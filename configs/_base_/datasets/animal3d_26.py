"""Key points of Animal3D, for MMPose.

Written out from `xas_mmpose.skeletons.ANIMAL3D_26`; a test holds the two
together. MMPose reads the first six keys; the rest is for the losses.
"""

dataset_info = dict(
    dataset_name='animal3d_26',
    keypoint_info={
        0:
        dict(name='left_eye', id=0, color=[38, 151, 255],
             type='upper', swap='right_eye'),
        1:
        dict(name='right_eye', id=1, color=[255, 142, 38],
             type='upper', swap='left_eye'),
        2:
        dict(name='mouth_mid', id=2, color=[38, 255, 60],
             type='upper', swap=''),
        3:
        dict(name='left_front_paw', id=3, color=[38, 151, 255],
             type='upper', swap='right_front_paw'),
        4:
        dict(name='right_front_paw', id=4, color=[255, 142, 38],
             type='upper', swap='left_front_paw'),
        5:
        dict(name='left_back_paw', id=5, color=[38, 151, 255],
             type='lower', swap='right_back_paw'),
        6:
        dict(name='right_back_paw', id=6, color=[255, 142, 38],
             type='lower', swap='left_back_paw'),
        7:
        dict(name='tail_base', id=7, color=[38, 255, 60],
             type='upper', swap=''),
        8:
        dict(name='left_front_thigh', id=8, color=[38, 151, 255],
             type='upper', swap='right_front_thigh'),
        9:
        dict(name='right_front_thigh', id=9, color=[255, 142, 38],
             type='upper', swap='left_front_thigh'),
        10:
        dict(name='left_back_thigh', id=10, color=[38, 151, 255],
             type='lower', swap='right_back_thigh'),
        11:
        dict(name='right_back_thigh', id=11, color=[255, 142, 38],
             type='lower', swap='left_back_thigh'),
        12:
        dict(name='left_shoulder', id=12, color=[38, 151, 255],
             type='upper', swap='right_shoulder'),
        13:
        dict(name='right_shoulder', id=13, color=[255, 142, 38],
             type='upper', swap='left_shoulder'),
        14:
        dict(name='left_front_knee', id=14, color=[38, 151, 255],
             type='upper', swap='right_front_knee'),
        15:
        dict(name='right_front_knee', id=15, color=[255, 142, 38],
             type='upper', swap='left_front_knee'),
        16:
        dict(name='left_back_knee', id=16, color=[38, 151, 255],
             type='lower', swap='right_back_knee'),
        17:
        dict(name='right_back_knee', id=17, color=[255, 142, 38],
             type='lower', swap='left_back_knee'),
        18:
        dict(name='neck', id=18, color=[38, 255, 60],
             type='upper', swap=''),
        19:
        dict(name='tail_end', id=19, color=[38, 255, 60],
             type='lower', swap=''),
        20:
        dict(name='left_ear', id=20, color=[38, 151, 255],
             type='upper', swap='right_ear'),
        21:
        dict(name='right_ear', id=21, color=[255, 142, 38],
             type='upper', swap='left_ear'),
        22:
        dict(name='left_mouth', id=22, color=[38, 151, 255],
             type='upper', swap='right_mouth'),
        23:
        dict(name='right_mouth', id=23, color=[255, 142, 38],
             type='upper', swap='left_mouth'),
        24:
        dict(name='nose', id=24, color=[38, 255, 60],
             type='upper', swap=''),
        25:
        dict(name='tail_mid', id=25, color=[38, 255, 60],
             type='lower', swap=''),
    },
    skeleton_info={
        0:
        dict(link=('nose', 'left_eye'), id=0,
             color=[38, 151, 255]),
        1:
        dict(link=('nose', 'right_eye'), id=1,
             color=[255, 142, 38]),
        2:
        dict(link=('nose', 'mouth_mid'), id=2,
             color=[38, 255, 60]),
        3:
        dict(link=('left_front_knee', 'left_front_paw'), id=3,
             color=[38, 151, 255]),
        4:
        dict(link=('right_front_knee', 'right_front_paw'), id=4,
             color=[255, 142, 38]),
        5:
        dict(link=('left_back_knee', 'left_back_paw'), id=5,
             color=[38, 151, 255]),
        6:
        dict(link=('right_back_knee', 'right_back_paw'), id=6,
             color=[255, 142, 38]),
        7:
        dict(link=('left_shoulder', 'left_front_thigh'), id=7,
             color=[38, 151, 255]),
        8:
        dict(link=('right_shoulder', 'right_front_thigh'), id=8,
             color=[255, 142, 38]),
        9:
        dict(link=('tail_base', 'left_back_thigh'), id=9,
             color=[38, 151, 255]),
        10:
        dict(link=('tail_base', 'right_back_thigh'), id=10,
             color=[255, 142, 38]),
        11:
        dict(link=('neck', 'left_shoulder'), id=11,
             color=[38, 151, 255]),
        12:
        dict(link=('neck', 'right_shoulder'), id=12,
             color=[255, 142, 38]),
        13:
        dict(link=('left_front_thigh', 'left_front_knee'), id=13,
             color=[38, 151, 255]),
        14:
        dict(link=('right_front_thigh', 'right_front_knee'), id=14,
             color=[255, 142, 38]),
        15:
        dict(link=('left_back_thigh', 'left_back_knee'), id=15,
             color=[38, 151, 255]),
        16:
        dict(link=('right_back_thigh', 'right_back_knee'), id=16,
             color=[255, 142, 38]),
        17:
        dict(link=('tail_base', 'neck'), id=17,
             color=[38, 255, 60]),
        18:
        dict(link=('tail_mid', 'tail_end'), id=18,
             color=[38, 255, 60]),
        19:
        dict(link=('left_eye', 'left_ear'), id=19,
             color=[38, 151, 255]),
        20:
        dict(link=('right_eye', 'right_ear'), id=20,
             color=[255, 142, 38]),
        21:
        dict(link=('nose', 'left_mouth'), id=21,
             color=[38, 151, 255]),
        22:
        dict(link=('nose', 'right_mouth'), id=22,
             color=[255, 142, 38]),
        23:
        dict(link=('neck', 'nose'), id=23,
             color=[38, 255, 60]),
        24:
        dict(link=('tail_base', 'tail_mid'), id=24,
             color=[38, 255, 60]),
    },
    joint_weights=[
        1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,
        1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,
        1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,
    ],
    sigmas=[],
    root_index=7,
    parent_indices=[
        24, 24, 24, 14, 15, 16, 17, 7, 12, 13, 7, 7,
        18, 18, 8, 9, 10, 11, 7, 25, 0, 1, 24, 24,
        18, 7,
    ],
    mask_links=[
        [24, 0], [24, 1], [24, 2], [14, 3], [15, 4], [16, 5],
        [17, 6], [12, 8], [13, 9], [7, 10], [7, 11], [18, 12],
        [18, 13], [8, 14], [9, 15], [10, 16], [11, 17], [7, 18],
        [25, 19], [0, 20], [1, 21], [24, 22], [24, 23], [18, 24],
        [7, 25], [12, 7], [13, 7], [12, 10], [13, 11], [8, 10],
        [9, 11],
    ],
    mask_link_widths=[
        1.0, 1.0, 1.0, 0.7, 0.7, 0.7, 0.7, 3.0, 3.0,
        5.0, 5.0, 6.0, 6.0, 0.7, 0.7, 0.7, 0.7, 4.0,
        1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 6.0, 6.0,
        6.0, 6.0, 2.0, 2.0,
    ])
