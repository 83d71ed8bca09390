"""The docs name the metrics, rules and keys that there are."""
from __future__ import annotations

import re
from pathlib import Path

from mmpose.registry import METRICS

from xas_mmpose import evaluation
from xas_mmpose.evaluation.functional import (
    ACTION_SETS,
    HYPOTHESIS_RULES,
    LEFT_RIGHT_RULES,
)
from xas_mmpose.evaluation.metrics.hypothesis_metric import (
    RANKED,
    ROOT_RULES,
)
from xas_mmpose.evaluation.metrics.keypoint_error_2d import _FIGURES
from xas_mmpose.skeletons import HUMAN36M_18

DOCS = Path(__file__).resolve().parents[2] / 'docs'
TEXT = (DOCS / 'evaluation.md').read_text()


def test_the_example_builds():
    code, = re.findall(r'```python\n(.+?)```', TEXT, re.DOTALL)
    scope: dict = {}
    exec(code, scope)
    built = [METRICS.build(config) for config in scope['test_evaluator']]
    # Every metric there is; the base of several is none.
    assert {type(metric).__name__ for metric in built} == (
        set(evaluation.__all__) - {'HypothesisMetric'})


def test_rules_and_figures_are_named():
    for figure in _FIGURES:
        assert f'`{figure}`' in TEXT, figure
    for name in ACTION_SETS:
        assert f"'{name}'" in TEXT
    rules = (DOCS / 'protocols.md').read_text()
    for rule in (*HYPOTHESIS_RULES, RANKED, *LEFT_RIGHT_RULES, *ROOT_RULES):
        assert f'`{rule}`' in rules, rule
    for name, _ in HUMAN36M_18.joint_subsets:
        assert f'{name} (' in rules, name
