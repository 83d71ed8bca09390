"""What docs/animals.md says of other sets' key points is what is read."""
from __future__ import annotations

from pathlib import Path

from xas_mmpose.datasets.animal_joint_tables import ANIMAL_KEYPOINT_SETS

DOCS = Path(__file__).resolve().parents[2] / 'docs/animals.md'
#: Columns behind Animal3D's name and its meaning.
SETS = ('ap10k', 'animalpose', 'horse10', 'zebra')
#: Prefixes of a left key point's name in a set.
LEFT = dict(ap10k=('L_', ''), animalpose=('L_', ''), horse10=('Near', ''),
            zebra=('', ''))


def test_the_table_of_legs_and_faces():
    rows = [line.split('|')[1:-1] for line in DOCS.read_text().splitlines()
            if line.startswith('| `')]
    assert len(rows) == 12
    for row in rows:
        ours, _, *theirs = (cell.strip() for cell in row)
        for one in ours.replace('`', '').split(', '):
            for name, cell in zip(SETS, theirs):
                cell = cell.partition(',')[0]
                table = ANIMAL_KEYPOINT_SETS[name]
                found = [their for their, known in table.items()
                         if known in (one, f'left_{one}')]
                if cell == '-' or (cell == 'Nose' and one == 'eye') or (
                        cell == 'snout' and one == 'eye'):
                    assert not found, (one, name)
                elif cell == 'the same':
                    assert [their.lower().removeprefix('l_')
                            for their in found] == [one]
                else:
                    assert found[0] in [prefix + cell
                                        for prefix in LEFT[name]], one
