from __future__ import annotations

FACTS = dict(num=3, annotations=None, pairs=['left arm / right arm'])


def record(index, subject=None, broken=(), **measures):
    return dict(index=index, name=f'{index}.jpg', id=None, subject=subject,
                broken=list(broken), suspicious=[], measures=measures)


def test_figures_over_all_samples(tool):
    report = tool('checking.report')
    part = report.summarise([
        record(0, mask=0.1, joints=10, out_of_picture=1, off_mask=2,
               reprojection=[1.0, 3.0], truth_mm=0.25, box_outside=0.0),
        record(1, mask=0.3, joints=8, out_of_picture=0, off_mask=0,
               reprojection=[2.0, 2.5], truth_mm=0.5, box_outside=0.1),
        record(2, broken=['no picture 2.jpg'])], FACTS)
    assert part['measures'] == dict(
        joints=dict(joints=18, out_of_picture=1), off_mask=dict(off=2, of=17),
        mask=dict(mean=0.2, min=0.1, max=0.3),
        truth_mm=dict(mean=0.375, min=0.25, max=0.5),
        box_outside=dict(out=1, of=2), reprojection=dict(mean=1.5, max=3.0))
    assert part['broken'] == [dict(index=2, name='2.jpg', id=None,
                                   problems=['no picture 2.jpg'])]
    lines = report.lines_of('val', 'Human', part)
    assert lines[0] == 'val: Human, 3 samples, 1 broken, 0 suspicious'
    assert '  joints: 2 of 17 off the mask' in lines
    assert '  BROKEN: 2.jpg: no picture 2.jpg' in lines


def test_exchanged_sides_of_a_set_or_of_one_subject(tool):
    summarise = tool('checking.report').summarise

    def warnings(*votes):
        return summarise([record(i, subject, knees=knees) for
                          i, (subject, knees) in enumerate(votes)],
                         FACTS)['warnings']

    assert warnings(('S1', [5, 1]), ('S2', [3, 0])) == []
    assert warnings(('S1', [0, 2])) == []  # too few to tell
    one, = warnings(('S1', [9, 1]), ('S2', [0, 2]), ('S2', [1, 2]))
    assert one.startswith('subject S2: 4 of 5 knees bend backward')
    whole, = warnings(('S1', [1, 9]), ('S2', [0, 4]))
    assert whole.startswith('13 of 14 knees bend backward: left and right')


def test_uneven_bones_and_lost_annotations(tool):
    summarise = tool('checking.report').summarise
    records = [record(i, asymmetry=[value])
               for i, value in enumerate([0.0, 0.2, None, 0.3])]
    part = summarise(records, dict(FACTS, annotations=6))
    assert part['measures']['asymmetry'] == {'left arm / right arm': 0.2}
    assert part['warnings'] == [
        'left arm / right arm differ in length by 20% in the median',
        '2 of 6 annotations are no samples: their box or key points are '
        'missing, or they are filtered']
