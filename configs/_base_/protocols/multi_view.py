# What several cameras at once make of single pictures' poses: the first
# hypothesis of each view triangulated, no annotation in the prediction, and
# how often views disagree about left and right.
#
#     python tools/test.py CONFIG CHECKPOINT --protocol multi_view
test_evaluator = dict(
    _delete_=True, type='MultiViewMPJPE', report_protocol=True)
