"""Masks by trained networks, where their package and weights are present."""
from __future__ import annotations

import functools
import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torchvision
from torch import Tensor
from torchvision.models import detection

from .cleaning import NoMaskError, clean_mask
from .people import Person

_BUILDERS = dict(
    v1=('maskrcnn_resnet50_fpn', 'MaskRCNN_ResNet50_FPN_Weights'),
    v2=('maskrcnn_resnet50_fpn_v2', 'MaskRCNN_ResNet50_FPN_V2_Weights'))
#: Where Segment Anything's weights are, by the name of the network.
SAM_WEIGHTS = dict(
    vit_b='https://dl.fbaipublicfiles.com/segment_anything/'
    'sam_vit_b_01ec64.pth',
    vit_l='https://dl.fbaipublicfiles.com/segment_anything/'
    'sam_vit_l_0b3195.pth',
    vit_h='https://dl.fbaipublicfiles.com/segment_anything/'
    'sam_vit_h_4b8939.pth')


@dataclass(frozen=True)
class MaskRcnnMethod:
    """Finds people with torchvision's Mask R-CNN (arXiv 1703.06870).

    Args:
        weights: File of the weights, of ``maskrcnn_resnet50_fpn`` or its
            ``_v2``; the file tells which.
        category: COCO's name of whom to find.
        min_score: How sure the network must be.
        device: Where it runs.

    Raises:
        FileNotFoundError: If there are no weights; says where they are.
        ValueError: If COCO has no such category.
    """

    weights: str
    category: str = 'person'
    min_score: float = 0.5
    device: str = 'cpu'

    def __post_init__(self) -> None:
        _require_weights(self.weights, 'Mask R-CNN', ' or '.join(
            getattr(detection, name).COCO_V1.url
            for _, name in _BUILDERS.values()))
        known = [name for name in _coco_categories()[1:] if name != 'N/A']
        if self.category not in known:
            raise ValueError(f'COCO has no category {self.category!r}; it '
                             f'has {", ".join(known)}')

    @torch.no_grad()
    def make(self, image: np.ndarray, person: Person | None) -> np.ndarray:
        """Find a person.

        Args:
            image: The picture (H, W, 3), BGR uint8.
            person: Who is meant; None for the largest of whom the network is
                sure.

        Returns:
            Foreground (H, W), uint8, 0 or 255.

        Raises:
            NoMaskError: If it finds nobody, or nobody there.
        """
        network = _mask_rcnn(self.weights, self.device)
        # cvtColor makes a copy that is laid out as torch wants it.
        pixels = torch.from_numpy(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        found = network([pixels.permute(2, 0, 1).to(self.device) / 255])[0]
        wanted = ((found['labels'] == _coco_categories().index(self.category))
                  & (found['scores'] >= self.min_score))
        if not wanted.any():
            raise NoMaskError(f'Mask R-CNN is sure of no {self.category}')
        boxes, masks = found['boxes'][wanted], found['masks'][wanted]
        mask = clean_mask(masks[_meant(boxes, person), 0].cpu().numpy() > 0.5)
        if not mask.any():
            raise NoMaskError(f'Mask R-CNN gives the {self.category} no mask')
        return mask

    def prompt_of(self, person: Person) -> str:
        """Return what shows a person, for the record."""
        return person.around_kind

    def used(self) -> dict:
        """Return what made the masks, for the record."""
        return dict(package=f'torchvision {torchvision.__version__}',
                    network=_BUILDERS[_version(_weights(self.weights))][0],
                    weights=Path(self.weights).name,
                    sha256=checksum(self.weights))


@dataclass(frozen=True)
class SamMethod:
    """Cuts people out with Segment Anything (arXiv 2304.02643).

    Args:
        weights: File of its weights.
        network: Which network they are of: a key of :data:`SAM_WEIGHTS`;
            None to read it from the file's name.
        prompt: What shows the person: ``'keypoints'``, ``'box'``, or
            ``'auto'``: both, where they are there.
        device: Where it runs.

    Raises:
        FileNotFoundError: If there are no weights; says where they are.
        ImportError: If the package ``segment_anything`` is missing.
        ValueError: If the network or the prompt is unknown.
    """

    weights: str
    network: str | None = None
    prompt: str = 'auto'
    device: str = 'cpu'

    def __post_init__(self) -> None:
        if self.prompt not in ('auto', 'keypoints', 'box'):
            raise ValueError("prompt is 'auto', 'keypoints' or 'box', got "
                             f'{self.prompt!r}')
        _require_weights(self.weights, 'Segment Anything',
                         ', '.join(SAM_WEIGHTS.values()))
        if self._network() not in SAM_WEIGHTS:
            raise ValueError(
                f'which network {self.weights} is of cannot be told by its '
                f'name: say one of {", ".join(SAM_WEIGHTS)}')
        _sam_package()

    def make(self, image: np.ndarray, person: Person | None) -> np.ndarray:
        """Cut a person out.

        Args:
            image: The picture (H, W, 3), BGR uint8.
            person: Whom.

        Returns:
            Foreground (H, W), uint8, 0 or 255.

        Raises:
            NoMaskError: If the person is not told, or nothing is found.
        """
        options: dict[str, Any] = {}
        by_points, by_box = self._prompts(person) if person else (False, ) * 2
        if by_points:
            points = person.keypoints
            options.update(point_coords=points,
                           point_labels=np.ones(len(points), int))
        if by_box:
            options['box'] = person.around
        if not options:
            raise NoMaskError('Segment Anything wants a box or key points '
                              'that show the person')
        predictor = _sam_predictor(self.weights, self._network(), self.device)
        predictor.set_image(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        masks, scores, _ = predictor.predict(multimask_output=True, **options)
        mask = clean_mask(masks[int(np.argmax(scores))])
        if not mask.any():
            raise NoMaskError('Segment Anything finds nothing there')
        return mask

    def prompt_of(self, person: Person) -> str:
        """Return what shows a person, for the record."""
        by_points, by_box = self._prompts(person)
        return ' and '.join(['keypoints'] * by_points
                            + [person.around_kind] * by_box)

    def used(self) -> dict:
        """Return what made the masks, for the record."""
        return dict(package='segment_anything', network=self._network(),
                    weights=Path(self.weights).name,
                    sha256=checksum(self.weights))

    def _prompts(self, person: Person) -> tuple[bool, bool]:
        """Return whether key points, and whether a box, show a person."""
        return (person.keypoints is not None and self.prompt != 'box',
                self.prompt == 'box'
                or (self.prompt == 'auto' and person.box is not None))

    def _network(self) -> str:
        """Return the name of the network."""
        if self.network:
            return self.network
        return next((name for name in SAM_WEIGHTS
                     if name in Path(self.weights).name), '')


def checksum(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _require_weights(path: str, network: str, urls: str) -> None:
    """Raise ``FileNotFoundError`` unless a file is there."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'there is no file of weights {path} for {network}: download '
            f'{urls}, and give its path (--weights)')


def _coco_categories() -> list[str]:
    """Return COCO's categories by label."""
    return detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta['categories']


def _weights(path: str) -> dict[str, Tensor]:
    """Read a state dict."""
    try:
        weights = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:
        # torch and pickle have half a dozen types for a broken file.
        raise ValueError(f'{path} cannot be read as weights of Mask R-CNN: '
                         f'{error}. Download it again') from error
    if not isinstance(weights, dict):
        raise ValueError(f'{path} holds a {type(weights).__name__}, no '
                         'weights of Mask R-CNN')
    return weights


def _version(weights: dict[str, Tensor]) -> str:
    """Tell of which network weights are."""
    # The second one's box head begins with convolutions.
    return 'v2' if 'roi_heads.box_head.0.0.weight' in weights else 'v1'


@functools.lru_cache(maxsize=1)
def _mask_rcnn(path: str, device: str) -> torch.nn.Module:
    """Load Mask R-CNN; each process does so once."""
    weights = _weights(path)
    name = _BUILDERS[_version(weights)][0]
    network = getattr(detection, name)(weights=None, weights_backbone=None)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{path} is no file of torchvision's {name}: "
                         f'{str(error)[:300]}') from error
    return network.eval().to(device)


def _meant(boxes: Tensor, person: Person | None) -> int:
    """Return which of boxes (N, 4) is a person's, or the largest."""
    if person is None:
        sizes = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        return int(sizes.argmax())
    around = torch.as_tensor(person.around, dtype=boxes.dtype,
                             device=boxes.device)
    overlap = torchvision.ops.box_iou(boxes, around[None])[:, 0]
    if overlap.max() < 0.1:
        raise NoMaskError('Mask R-CNN finds nobody where the person is said '
                          'to be')
    return int(overlap.argmax())


def _sam_package() -> Any:
    """Import ``segment_anything``."""
    try:
        return importlib.import_module('segment_anything')
    except ImportError as error:
        raise ImportError('the package segment_anything is missing: pip '
                          'install segment-anything') from error


@functools.lru_cache(maxsize=1)
def _sam_predictor(path: str, network: str, device: str) -> Any:
    """Load Segment Anything; each process does so once."""
    package = _sam_package()
    try:
        model = package.sam_model_registry[network](checkpoint=path)
    except Exception as error:
        # Torch and pickle have half a dozen types for a broken file.
        raise ValueError(
            f"{path} is no file of Segment Anything's {network}: "
            f'{str(error)[:300]}. Download it again from '
            f'{SAM_WEIGHTS[network]}, or say which network it is of '
            '(--network)') from error
    return package.SamPredictor(model.to(device).eval())
