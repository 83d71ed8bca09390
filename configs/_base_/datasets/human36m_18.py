"""Key points of Human3.6M with the thorax, for MMPose.

Written out from `xas_mmpose.skeletons.HUMAN36M_18`; a test holds the two
together. MMPose reads the first six keys; the rest is for the losses.
"""

dataset_info = dict(
    dataset_name='human36m_18',
    keypoint_info={
        0:
        dict(name='root', id=0, color=[38, 255, 60], type='upper',
             swap=''),
        1:
        dict(name='right_hip', id=1, color=[255, 142, 38], type='lower',
             swap='left_hip'),
        2:
        dict(name='right_knee', id=2, color=[255, 142, 38], type='lower',
             swap='left_knee'),
        3:
        dict(name='right_ankle', id=3, color=[255, 142, 38], type='lower',
             swap='left_ankle'),
        4:
        dict(name='left_hip', id=4, color=[38, 151, 255], type='lower',
             swap='right_hip'),
        5:
        dict(name='left_knee', id=5, color=[38, 151, 255], type='lower',
             swap='right_knee'),
        6:
        dict(name='left_ankle', id=6, color=[38, 151, 255], type='lower',
             swap='right_ankle'),
        7:
        dict(name='torso', id=7, color=[38, 255, 60], type='upper',
             swap=''),
        8:
        dict(name='neck', id=8, color=[38, 255, 60], type='upper',
             swap=''),
        9:
        dict(name='nose', id=9, color=[38, 255, 60], type='upper',
             swap=''),
        10:
        dict(name='head', id=10, color=[38, 255, 60], type='upper',
             swap=''),
        11:
        dict(name='left_shoulder', id=11, color=[38, 151, 255], type='upper',
             swap='right_shoulder'),
        12:
        dict(name='left_elbow', id=12, color=[38, 151, 255], type='upper',
             swap='right_elbow'),
        13:
        dict(name='left_wrist', id=13, color=[38, 151, 255], type='upper',
             swap='right_wrist'),
        14:
        dict(name='right_shoulder', id=14, color=[255, 142, 38], type='upper',
             swap='left_shoulder'),
        15:
        dict(name='right_elbow', id=15, color=[255, 142, 38], type='upper',
             swap='left_elbow'),
        16:
        dict(name='right_wrist', id=16, color=[255, 142, 38], type='upper',
             swap='left_wrist'),
        17:
        dict(name='thorax', id=17, color=[38, 255, 60], type='upper',
             swap=''),
    },
    skeleton_info={
        0: dict(link=('root', 'right_hip'), id=0,
           color=[255, 142, 38]),
        1: dict(link=('right_hip', 'right_knee'), id=1,
           color=[255, 142, 38]),
        2: dict(link=('right_knee', 'right_ankle'), id=2,
           color=[255, 142, 38]),
        3: dict(link=('root', 'left_hip'), id=3,
           color=[38, 151, 255]),
        4: dict(link=('left_hip', 'left_knee'), id=4,
           color=[38, 151, 255]),
        5: dict(link=('left_knee', 'left_ankle'), id=5,
           color=[38, 151, 255]),
        6: dict(link=('root', 'torso'), id=6,
           color=[38, 255, 60]),
        7: dict(link=('thorax', 'neck'), id=7,
           color=[38, 255, 60]),
        8: dict(link=('neck', 'nose'), id=8,
           color=[38, 255, 60]),
        9: dict(link=('nose', 'head'), id=9,
           color=[38, 255, 60]),
        10: dict(link=('thorax', 'left_shoulder'), id=10,
           color=[38, 151, 255]),
        11: dict(link=('left_shoulder', 'left_elbow'), id=11,
           color=[38, 151, 255]),
        12: dict(link=('left_elbow', 'left_wrist'), id=12,
           color=[38, 151, 255]),
        13: dict(link=('thorax', 'right_shoulder'), id=13,
           color=[255, 142, 38]),
        14: dict(link=('right_shoulder', 'right_elbow'), id=14,
           color=[255, 142, 38]),
        15: dict(link=('right_elbow', 'right_wrist'), id=15,
           color=[255, 142, 38]),
        16: dict(link=('torso', 'thorax'), id=16,
           color=[38, 255, 60]),
    },
    joint_weights=[1.0] * 18,
    sigmas=[],
    root_index=0,
    parent_indices=[0, 0, 1, 2, 0, 4, 5, 0, 17, 8, 9,
                    17, 11, 12, 17, 14, 15, 7],
    mask_links=[
        [0, 1], [1, 2], [2, 3], [0, 4], [4, 5], [5, 6],
        [0, 7], [17, 8], [8, 9], [9, 10], [17, 11], [11, 12],
        [12, 13], [17, 14], [14, 15], [15, 16], [7, 17], [7, 1],
        [7, 4], [7, 11], [7, 14], [0, 2], [0, 5], [1, 14],
        [4, 11],
    ],
    mask_link_widths=[
        1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,
        1.0, 1.0, 0.5, 0.5, 1.0, 0.5, 0.5, 1.0, 1.0,
        1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,
    ])
