# Human3.6M's usual test: every 5th frame of S9 and S11, its 17 joints, a pose
# of single pictures, roots at the same place. MPJPE is Protocol #1, P-MPJPE
# Protocol #2.
#
#     python tools/test.py CONFIG CHECKPOINT --protocol h36m_every5
test_dataloader = dict(
    dataset=dict(
        # MMPose's converter has left every 5th frame in this file.
        ann_file='annotation_body3d/fps10/h36m_test.npz'))
test_evaluator = dict(
    _delete_=True,
    type='MultiHypothesisMPJPE',
    hypothesis_rules=('top1', 'oracle'),
    joints=17,
    per_action=True,
    action_sets='h36m-15',
    report_protocol=True)
