# As h36m_every5.py, but every 64th frame of S9 and S11: which takes the file
# of all frames, preprocess_h36m.py --sample-rate 1.
#
#     python tools/test.py CONFIG CHECKPOINT --protocol h36m_every64
_base_ = './h36m_every5.py'

test_dataloader = dict(
    dataset=dict(
        ann_file='annotation_body3d/fps50/h36m_test.npz',
        # Of each recording and camera, beginning with the first frame.
        sample_interval=64))
