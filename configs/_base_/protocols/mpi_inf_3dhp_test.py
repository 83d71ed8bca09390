# MPI-INF-3DHP's own test: all valid frames of TS1 to TS6, 3DPCK and AUC, roots
# at the same place. It has no masks: make them (docs/protocols.md).
#
#     python tools/test.py configs/xas_mpi_inf_3dhp.py CHECKPOINT \
#         --protocol mpi_inf_3dhp_test
test_dataloader = dict(
    dataset=dict(
        ann_file='annotations/mpi_inf_3dhp_test_valid.npz',
        camera_param_file='annotations/cameras_test.pkl',
        subjects=None))
rules = ('top1', 'oracle')
# Papers count 14 joints or 17, and rarely say which.
test_evaluator = [
    dict(type=kind, hypothesis_rules=rules, joints=joints,
         report_protocol=True)
    for joints in (14, 17)
    for kind in ('MultiHypothesisPCK3D', 'MultiHypothesisMPJPE')
]
