"""The tool's figures, its exit status, and a program without PyTorch."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.apis import init_model

from xas_mmpose.apis import Pose3DInferencer

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

ROOT = Path(__file__).resolve().parents[2]
CAMERA = dict(f=[900.0, 910.0], c=[40.0, 45.0], k=[-0.2, 0.24, -0.003],
              p=[-0.0014, -0.001])
#: Runs tools/onnx_runner.py as another program would.
PROGRAM = """
import json, sys
sys.argv = ['onnx_runner.py', *{arguments!r}]
sys.path[:0] = [{folder!r}]
import onnx_runner
onnx_runner.main()
assert 'torch' not in sys.modules and 'mmpose' not in sys.modules
"""


@pytest.fixture(scope='module')
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return config and checkpoint of a narrow network."""
    folder = tmp_path_factory.mktemp('small')
    config = Config.fromfile(ROOT / 'configs/xas_mini_full.py')
    config.model.backbone.update(base_channels=8, stem_channels=8)
    config.model.head.update(in_channels=64, deconv_out_channels=(16, 16))
    config.dump(folder / 'small.py')
    torch.manual_seed(0)
    model = init_model(config, None, device='cpu')
    # Else all key points lie in the middle.
    with torch.no_grad():
        features = model.extract_feat(torch.randn(2, 3, 128, 128))
        model.head.final_layer.weight *= 400 / model.head(features).std(
            dim=(-2, -1)).mean()
    torch.save(dict(state_dict=model.state_dict(),
                    meta=dict(dataset_meta=model.dataset_meta)),
               folder / 'small.pth')
    return folder / 'small.py', folder / 'small.pth'


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Return a picture of 300x260 px; its mask lies in ``masks``."""
    (tmp_path / 'masks').mkdir()
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(
        rng.integers(0, 256, (260, 300, 3), dtype=np.uint8), (0, 0), 3)
    mask = np.zeros((260, 300), np.uint8)
    cv2.ellipse(mask, (140, 120), (50, 105), 20, 0, 360, 255, -1)
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    cv2.imwrite(str(tmp_path / 'masks/a.png'), mask)
    return tmp_path / 'a.png'


def test_a_file_and_a_program_without_torch(tool, small, photo, capsys):
    out = photo.parent / 'a.onnx'
    status = tool('export_onnx').main([
        *map(str, small), '--out', str(out), '--images', str(photo),
        '--masks', str(photo.parent / 'masks'), '--repeats', '1'])
    printed = capsys.readouterr().out
    assert status == 0
    assert '1 crops, 1 or 2 or 7 at a time; largest deviations:' in printed
    assert printed.count('hypotheses_3d') == 2
    assert 'batch 16: torch ' in printed
    image = cv2.imread(str(photo))
    mask = cv2.imread(str(photo.parent / 'masks/a.png'), 0)
    inferencer = Pose3DInferencer(*small, device='cpu')
    # The mask's box; a box that leaves the picture, finer than the crop.
    for box, size, camera in ((None, None, None),
                              ([-20, 100, 60, 150], 1500.0, CAMERA)):
        found = run(out, photo, box, size, camera)
        poses = next(inferencer(
            [image], masks=[mask], cameras=camera, person_size=size,
            boxes=None if box is None else [[box]]))
        person, = poses.people
        names = ['keypoints', 'keypoints_3d', 'hypotheses_3d']
        if camera is not None:
            names.append('root_3d')
        for name in names:
            expected = getattr(person, name)
            assert np.abs(np.array(found[name]) - expected).max() < (
                0.01 if name == 'keypoints' else 0.1), name
        np.testing.assert_allclose(
            found['hypothesis_scores'], person.hypothesis_scores,
            atol=1e-4)
        assert np.ptp(person.keypoints_3d[:, 2]) > 1
    assert found['keypoint_names'] == inferencer.meta['keypoint_names']


@pytest.mark.parametrize('box', [[89.5, 14.5, 190.5, 225.5],
                                 [80.0, 60.0, 160.0, 110.0],
                                 [-200.0, -100.0, 400.0, 350.0],
                                 # 12.5 px of the picture to one of the crop
                                 [-490.0, 0.0, 790.0, 250.0]])
def test_crops_are_those_of_the_pipeline(tool, small, photo, box):
    runner = object.__new__(tool('onnx_runner').OnnxPoses)
    runner.size, runner.supersampling = (128, 128), None
    runner.background_removed = True
    image = cv2.imread(str(photo))
    mask = cv2.imread(str(photo.parent / 'masks/a.png'), 0)
    inferencer = Pose3DInferencer(*small, device='cpu')
    expected = inferencer.pipeline(dict(
        inferencer.model.dataset_meta, img=image, img_path='a.png',
        img_mask=mask, bbox=np.array([box]),
        bbox_score=np.ones(1, np.float32)))['inputs'].numpy()
    corners = np.reshape(box, (2, 2))
    side = 1.25 * np.ptp(corners, axis=0).max()
    crop = runner.crop(image, mask, corners.mean(0), np.full(2, side))
    np.testing.assert_array_equal(crop.transpose(2, 0, 1), expected)
    assert expected.std() > 5


def run(model: Path, photo: Path, box: list | None, size: float | None,
        camera: dict | None) -> dict:
    arguments = [str(model), str(photo), '--mask',
                 str(photo.parent / 'masks/a.png')]
    if box is not None:
        arguments += ['--box', *map(str, box), '--person-size', str(size)]
    if camera is not None:
        arguments += ['--camera', json.dumps(camera)]
    result = subprocess.run(
        [sys.executable, '-c', PROGRAM.format(
            arguments=arguments, folder=str(ROOT / 'tools'))],
        capture_output=True, text=True, check=False,
        cwd=photo.parent)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_more_than_the_tolerance_is_status_1(tool, small, tmp_path, capsys,
                                             monkeypatch):
    module = tool('export_onnx')
    right = module.check_onnx

    def off(*args):
        return {**right(*args), 'keypoints': 0.02}

    monkeypatch.setattr(module, 'check_onnx', off)
    monkeypatch.setattr(module, 'BATCHES', (3, ))
    status = module.main([str(small[0]), '--random-weights', '--out',
                          str(tmp_path / 'a.onnx'), '--repeats', '0'])
    written = capsys.readouterr()
    assert status == 1
    assert 'differ by more than 0.01 px or 0.1 mm' in written.err
    assert '8 pictures, tools/onnx_runner.py against' in written.out
    assert 'thread' not in written.out
    assert (tmp_path / 'a.onnx').is_file()


def test_a_checkpoint_of_another_model(tool, small, tmp_path):
    state = torch.load(small[1], weights_only=False)
    del state['state_dict']['head.final_layer.weight']
    torch.save(state, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other\.pth does not fit the '
                       r'config: head\.final_layer\.weight and 0 more'):
        tool('export_onnx').main([str(small[0]), str(tmp_path / 'other.pth'),
                                  '--out', str(tmp_path / 'a.onnx')])
    assert not (tmp_path / 'a.onnx').exists()


def test_a_missing_package_and_masks_that_do_not_fit(tool, small, photo,
                                                     monkeypatch):
    module = tool('export_onnx')
    arguments = [*map(str, small), '--out', str(photo.parent / 'a.onnx'),
                 '--images', str(photo)]
    (photo.parent / 'none').mkdir()
    with pytest.raises(FileNotFoundError, match=r'no mask of a\.png below'):
        module.main([*arguments, '--masks', str(photo.parent / 'none')])
    for name in ('walk', 'run'):
        (photo.parent / 'none' / name).mkdir()
        (photo.parent / 'none' / name / 'a.png').touch()
    with pytest.raises(ValueError, match=r'run/a\.png and .*walk/a\.png '
                       'have the same name'):
        module.main([*arguments, '--masks', str(photo.parent / 'none')])
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(ImportError, match=r'exporting needs onnx .*pip'):
        module.main(arguments)


@pytest.mark.parametrize('options, message', [
    ([], 'or --random-weights'),
    (['a.pth', '--random-weights'], 'or --random-weights'),
    (['a.pth', '--masks', '.'], 'those of --images'),
    (['a.pth', '--images', 'a.jpg', '--masks', 'none'], 'no folder none'),
    (['a.pth', '--threads', '0'], 'starts at 1'),
    (['a.pth', '--out', 'none/a.onnx'], 'no folder none'),
])
def test_options_that_do_not_fit(tool, options, message, capsys, tmp_path,
                                 monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        tool('export_onnx').main(['--out', 'a.onnx', 'a.py', *options])
    assert message in capsys.readouterr().err
