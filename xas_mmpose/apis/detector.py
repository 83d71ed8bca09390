"""Finding people with MMDetection."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from mmpose.evaluation.functional import nms


class MMDetector:
    """A detector of MMDetection's, as a function of a picture.

    Args:
        config: Its config file, or its name in MMDetection's model zoo.
        weights: Its checkpoint.
        device: Where it runs.
        category: Whom to find: the index of a class of the detector, 0 for
            COCO's person.
        min_score: How sure it must be.
        max_overlap: Of two boxes that overlap by more (intersection over
            union) the surer one stays.

    Raises:
        ImportError: If MMDetection is not installed.
        FileNotFoundError: If there is no such checkpoint.

    Note:
        Most detectors call compiled operators, which ``mmcv-lite`` does not
        have; the message that says so comes with the first picture.
    """

    def __init__(self, config: str | Path, weights: str | Path,
                 device: str = 'cpu', category: int = 0,
                 min_score: float = 0.3, max_overlap: float = 0.3) -> None:
        try:
            from mmdet.apis import DetInferencer
        except ImportError as error:
            raise ImportError(
                f'a detector needs MMDetection ({error}): pip install '
                "'mmdet>=3.2,<3.3' and the whole mmcv, not mmcv-lite. Or "
                'say where people are: boxes=') from error
        if '://' not in str(weights) and not Path(weights).is_file():
            raise FileNotFoundError(f'there is no checkpoint {weights} of '
                                    'the detector')
        self._inferencer = DetInferencer(
            str(config), str(weights), device=device, show_progress=False)
        self.category = category
        self.min_score = min_score
        self.max_overlap = max_overlap

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find people.

        Args:
            image: The picture (H, W, 3), BGR uint8.

        Returns:
            Boxes (N, 4), x1, y1, x2, y2 in px, and scores (N,), the surest
            first.
        """
        found = self._inferencer(image, return_datasamples=True)
        instances = found['predictions'][0].pred_instances.cpu().numpy()
        wanted = ((instances.labels == self.category)
                  & (instances.scores >= self.min_score))
        boxes, scores = instances.bboxes[wanted], instances.scores[wanted]
        kept = nms(np.concatenate([boxes, scores[:, None]], axis=1),
                   self.max_overlap)
        return boxes[kept], scores[kept]
