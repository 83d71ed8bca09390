"""What models score on test sets, printed and written down."""
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from .testing import (
    Answers,
    draw,
    load_model,
    predict,
    print_table,
    score,
    score_each,
)

#: Test sets of at most so many pictures are listed picture by picture.
FEW = 8


class TestSet(NamedTuple):
    """What is tested on.

    Attributes:
        title: Its name.
        folder: Name of the folder of its pictures.
        datasets: Data set configs, without their pipeline.
    """

    title: str
    folder: str
    datasets: list[dict]


class Report:
    """Collects what models score, and writes it down.

    Args:
        out: Folder of tables and pictures.
        num_pictures: Number of pictures of a test set, at most.
    """

    def __init__(self, out: Path, num_pictures: int) -> None:
        self.out = out
        self.num_pictures = num_pictures
        self.results: dict[str, dict] = {}

    def test(self, name: str, cfg: Config, checkpoint: Path | None,
             tests: Sequence[TestSet], pictures: bool) -> dict[str, Answers]:
        """Test a model.

        Args:
            name: Its row in the tables.
            cfg: Its config.
            checkpoint: Its weights, or None for random ones.
            tests: What to test on.
            pictures: Whether to draw what it answers, too.

        Returns:
            Its answers to each test set, by title.
        """
        model = load_model(cfg, checkpoint)
        pipeline = cfg.test_dataloader.dataset.pipeline
        answered = {}
        for test in tests:
            metainfo, answers = predict(
                model, cfg,
                [dict(dataset, pipeline=pipeline)
                 for dataset in test.datasets])
            answered[test.title] = answers
            self.add(test.title, name, score(cfg, metainfo, answers))
            self.results[test.title]['frames'] = len(answers)
            if pictures:
                draw(self.out / 'pictures' / name / test.folder, answers,
                     cfg.dataset_info, self.num_pictures)
            if pictures and len(answers) <= FEW:
                each = score_each(answers, cfg.dataset_info.root_index)
                print_table(each, f'{test.title}: {name}')
                self.results[test.title].setdefault('each', {})[name] = each
        return answered

    def add(self, test: str, row: str, errors: dict[str, float]) -> None:
        """Add, or replace, a row of a test set's table."""
        self.results.setdefault(test, dict(rows={}))['rows'][row] = errors

    def write(self, cfg: Config, targets: bool) -> None:
        """Print the tables with their protocol and write them down.

        Args:
            cfg: Config of the training.
            targets: Whether real frames were pictures of the training.
        """
        lines = []
        for test, result in self.results.items():
            lines += print_table(result['rows'],
                                 f'{result["frames"]} frames: {test}')
        protocol = (
            'Root-centred, mm. top1: the most confident hypothesis; oracle: '
            'the best whole pose of the hypotheses. No left/right exchange. '
            f'The crop is placed by the {cfg.crop_rule}. Training seed '
            f'{cfg.randomness.seed}.')
        if targets:
            protocol += (
                ' The frames of Human3.6M were target pictures of the '
                'training of the row "trained", too: image and mask, no '
                'joints.')
        print('\n' + protocol)
        (self.out / 'results.md').write_text(
            '\n'.join([*lines, protocol, '']))
        (self.out / 'results.json').write_text(json.dumps(
            dict(tests=self.results, protocol=protocol), indent=2) + '\n')
        print(f'tables: {self.out / "results.md"}, pictures: '
              f'{self.out / "pictures"}')
