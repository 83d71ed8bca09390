from __future__ import annotations

import hashlib
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import detection

from xas_mmpose.datasets.masks import (
    MaskRcnnMethod,
    NoMaskError,
    Person,
    SamMethod,
    segmenters,
)

IMAGE = np.zeros((40, 60, 3), np.uint8)
IMAGE[..., 2] = 255  # red: BGR
#: Boxes, labels and scores that the stand-in for Mask R-CNN finds: two
#: people, a larger one of whom it is not sure, and a horse.
FOUND = [((0, 0, 10, 10), 1, 0.9), ((20, 5, 50, 35), 1, 0.8),
         ((0, 0, 60, 40), 1, 0.3), ((30, 0, 60, 20), 19, 0.9)]


class FakeRcnn(torch.nn.Module):
    """Answers as Mask R-CNN does, with boxes for masks."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images: list[torch.Tensor]) -> list[dict]:
        assert not self.training
        assert images[0].shape == (3, 40, 60)
        assert images[0][0].min() == 1  # red comes first, 0..1
        assert images[0][1:].max() == 0
        masks = torch.zeros(len(FOUND), 1, 40, 60)
        for mask, ((x1, y1, x2, y2), _, _) in zip(masks, FOUND):
            mask[0, y1:y2, x1:x2] = float(self.scale)
        return [dict(boxes=torch.tensor([f[0] for f in FOUND]).float(),
                     labels=torch.tensor([f[1] for f in FOUND]),
                     scores=torch.tensor([f[2] for f in FOUND]),
                     masks=masks)]


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a file of weights of a stand-in, which must be loaded."""
    def build(weights: None, weights_backbone: None) -> FakeRcnn:
        return FakeRcnn()

    monkeypatch.setattr(detection, 'maskrcnn_resnet50_fpn', build)
    segmenters._mask_rcnn.cache_clear()
    path = tmp_path / 'rcnn.pth'
    torch.save(dict(scale=torch.ones(1)), path)
    return str(path)


def box_of(mask: np.ndarray) -> list[int]:
    rows, columns = np.nonzero(mask)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_the_largest_sure_person_is_meant_or_the_one_in_the_box(
        weights: str):
    method = MaskRcnnMethod(weights)
    mask = method.make(IMAGE, None)
    assert set(np.unique(mask)) == {0, 255}
    assert box_of(mask) == [20, 5, 50, 35]
    assert box_of(method.make(IMAGE, Person(np.array([1., 1, 9, 12])))
                  ) == [0, 0, 10, 10]
    with pytest.raises(NoMaskError, match='nobody where'):
        method.make(IMAGE, Person(np.array([0., 35, 5, 40])))
    assert box_of(MaskRcnnMethod(weights, min_score=0.2).make(IMAGE, None)
                  ) == [0, 0, 60, 40]
    assert box_of(MaskRcnnMethod(weights, category='horse').make(IMAGE, None)
                  ) == [30, 0, 60, 20]
    with pytest.raises(NoMaskError, match='sure of no dog'):
        MaskRcnnMethod(weights, category='dog').make(IMAGE, None)


def test_it_says_what_it_used(weights: str):
    used = MaskRcnnMethod(weights).used()
    assert used['network'] == 'maskrcnn_resnet50_fpn'
    assert used['weights'] == 'rcnn.pth'
    assert used['sha256'] == hashlib.sha256(
        Path(weights).read_bytes()).hexdigest()
    assert used['package'].startswith('torchvision ')


def test_the_second_version_is_told_by_its_weights(tmp_path: Path):
    path = tmp_path / 'a.pth'
    torch.save({'roi_heads.box_head.0.0.weight': torch.zeros(1)}, path)
    assert MaskRcnnMethod(str(path)).used()['network'] == (
        'maskrcnn_resnet50_fpn_v2')


@pytest.mark.parametrize('version, name', [
    ('v1', 'maskrcnn_resnet50_fpn'), ('v2', 'maskrcnn_resnet50_fpn_v2')])
def test_torchvisions_own_networks_are_told_apart(version: str, name: str):
    with torch.device('meta'):  # no numbers, and no time
        network = getattr(detection, name)(weights=None,
                                           weights_backbone=None)
    assert segmenters._version(network.state_dict()) == version
    assert segmenters._BUILDERS[version][0] == name
    assert segmenters._coco_categories()[1] == 'person'


def test_missing_weights_name_their_place(tmp_path: Path):
    with pytest.raises(FileNotFoundError,
                       match=r'download https://download.pytorch.org/.*pth'):
        MaskRcnnMethod(str(tmp_path / 'gone.pth'))
    with pytest.raises(FileNotFoundError,
                       match=r'gone_vit_b.pth for Segment .*sam_vit_b_01ec'):
        SamMethod(str(tmp_path / 'gone_vit_b.pth'))


def test_other_weights_are_refused(weights: str):
    torch.save(dict(other=torch.ones(1)), weights)
    with pytest.raises(ValueError, match=r'(?s)no file of torchvision.*scale'):
        MaskRcnnMethod(weights).make(IMAGE, None)
    torch.save([1, 2], weights)
    with pytest.raises(ValueError, match='holds a list'):
        MaskRcnnMethod(weights).make(IMAGE, None)
    Path(weights).write_bytes(b'<html>')
    with pytest.raises(ValueError, match=r'rcnn\.pth cannot be read as weigh'):
        MaskRcnnMethod(weights).make(IMAGE, None)


def test_categories_are_cocos(weights: str):
    with pytest.raises(ValueError, match=r"no category 'man'; .*person, bi"):
        MaskRcnnMethod(weights, category='man')


class FakePredictor:
    """Answers as SamPredictor does: the second of three masks is best."""

    def __init__(self, model: torch.nn.Module) -> None:
        assert not model.training
        self.asked: list[dict] = []
        FakePredictor.last = self

    def set_image(self, image: np.ndarray) -> None:
        assert image[0, 0].tolist() == [255, 0, 0]

    def predict(self, **options: object) -> tuple:
        self.asked.append(options)
        masks = np.zeros((3, 40, 60), bool)
        masks[1, 10:20, 10:20] = True
        return masks, np.array([0.1, 0.9, 0.2]), None


@pytest.fixture
def sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return weights of a stand-in for Segment Anything's package."""
    package = types.ModuleType('segment_anything')
    package.sam_model_registry = dict(
        vit_l=lambda checkpoint: torch.nn.Identity())
    package.SamPredictor = FakePredictor
    monkeypatch.setitem(sys.modules, 'segment_anything', package)
    segmenters._sam_predictor.cache_clear()
    path = tmp_path / 'sam_vit_l_mine.pth'
    path.write_bytes(b'weights')
    return str(path)


def test_sam_is_asked_with_box_and_points(sam: str):
    box, points = np.array([1., 2, 30, 40]), np.array([[5., 6], [7, 8]])
    mask = SamMethod(sam).make(IMAGE, Person(box, points))
    assert box_of(mask) == [10, 10, 20, 20]
    SamMethod(sam).make(IMAGE, Person(box))
    SamMethod(sam, prompt='box').make(IMAGE, Person(None, points))
    SamMethod(sam, prompt='keypoints').make(IMAGE, Person(box, points))
    both, first, second, third = FakePredictor.last.asked
    assert both['box'].tolist() == first['box'].tolist() == box.tolist()
    assert both['point_coords'].tolist() == points.tolist()
    assert both['point_labels'].tolist() == [1, 1]
    assert 'point_coords' not in first
    assert np.allclose(second['box'], [4.8, 5.8, 7.2, 8.2])
    assert 'box' not in third
    assert SamMethod(sam).used()['network'] == 'vit_l'


@pytest.mark.parametrize('prompt, box, by_both, by_points', [
    ('auto', 'box', 'keypoints and box', 'keypoints'),
    ('box', 'box', 'box', 'box around keypoints'),
    ('keypoints', '', 'keypoints', 'keypoints')])
def test_what_sam_was_asked_with_is_known(
        sam: str, prompt: str, box: str, by_both: str, by_points: str):
    corners, points = np.array([1., 2, 30, 40]), np.array([[5., 6], [7, 8]])
    method = SamMethod(sam, prompt=prompt)
    assert [method.prompt_of(person) for person in (
        Person(corners), Person(corners, points), Person(None, points))
            ] == [box, by_both, by_points]


def test_broken_weights_of_sam_are_refused(sam: str):
    def build(checkpoint: str) -> None:
        raise RuntimeError('Error(s) in loading state_dict for Sam')

    sys.modules['segment_anything'].sam_model_registry['vit_l'] = build
    with pytest.raises(ValueError, match=r"mine\.pth is no file of Segment "
                       r"Anything's vit_l: Error.*Download .*vit_l.*pth"):
        SamMethod(sam).make(IMAGE, Person(np.array([0., 0, 9, 9])))


def test_sam_without_prompt_or_package_says_so(
        sam: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for person in (None, Person(np.array([0., 0, 9, 9]))):
        with pytest.raises(NoMaskError, match='wants a box or key points'):
            SamMethod(sam, prompt='keypoints').make(IMAGE, person)
    other = tmp_path / 'mine.pth'
    other.write_bytes(b'weights')
    with pytest.raises(ValueError, match='say one of vit_b, vit_l, vit_h'):
        SamMethod(str(other))
    assert SamMethod(str(other), 'vit_l').used()['network'] == 'vit_l'
    with pytest.raises(ValueError, match="got 'hull'"):
        SamMethod(sam, prompt='hull')
    monkeypatch.setitem(sys.modules, 'segment_anything', None)
    with pytest.raises(ImportError, match='pip install segment-anything'):
        SamMethod(sam)
