# The evaluation of the authors' released code (arXiv 2411.13026), with all
# that it forgives: docs/protocols.md. Single views and triangulated, on
# instants that all cameras see: Human3.6M, MPI-INF-3DHP's S7 and S8, XaS-Mini.
#
#     python tools/test.py CONFIG CHECKPOINT --protocol authors
test_evaluator = dict(
    _delete_=True,
    type='MultiViewMPJPE',
    protocol='reference',
    report_protocol=True)
