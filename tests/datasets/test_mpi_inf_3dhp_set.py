"""MPI-INF-3DHP from a small download: there, back, and broken."""
from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.datasets.datasets.base import BaseMocapDataset
from mmpose.registry import METRICS
from scipy.io import savemat

from xas_mmpose.datasets import mpi_inf_3dhp_set
from xas_mmpose.datasets.camera_files import read_mpi_inf_3dhp_cameras
from xas_mmpose.datasets.datasets import XasMpiInf3dhpDataset
from xas_mmpose.datasets.joint_tables import MPI_INF_3DHP_28
from xas_mmpose.datasets.mpi_inf_3dhp_files import (
    EvaluationView,
    FrameReader,
    fit_intrinsics,
    read_annot,
    read_annot_data,
)
from xas_mmpose.datasets.mpi_inf_3dhp_set import (
    MpiInf3dhpSettings,
    write_mpi_inf_3dhp,
)

WIDTH, HEIGHT, NUM = 96, 80, 10
F, C = np.array([100.0, 101.0]), np.array([48.0, 40.0])
SETTINGS = MpiInf3dhpSettings(cameras=(0, 2), interval=2)
#: MMPose's indices of its 17 among the 28.
SEVENTEEN = [7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6]


def poses(camera: int, joints: int = 28) -> np.ndarray:
    """Return key points (NUM, joints, 3) in the camera frame, mm."""
    rng = np.random.default_rng(camera)
    return rng.uniform([-900, -900, 3800], [900, 900, 4200],
                       (NUM, joints, 3))


def project(points: np.ndarray) -> np.ndarray:
    return points[..., :2] / points[..., 2:] * F + C


def write_annot(path: Path, **change) -> None:
    cells = {key: np.empty((14, 1), object) for key in ('annot2', 'annot3')}
    for camera in range(14):
        points = poses(camera)
        pixels = project(points)
        # In frame 5 somebody reaches out of camera 2's picture.
        if camera == 2:
            pixels[4, 0, 0] = WIDTH + 1
        cells['annot2'][camera, 0] = pixels.reshape(NUM, -1)
        cells['annot3'][camera, 0] = points.reshape(NUM, -1)
    savemat(path, {**cells, **change})


def write_calibration(path: Path) -> None:
    lines = ['Skeletool Camera Calibration File V1.0']
    for camera in range(14):
        inner = np.diag([*F, 1, 1])
        inner[:2, 2] = C
        outer = np.eye(4)
        outer[:3, 3] = 100 * camera, 2, 3
        lines += [f'name          {camera}', '  sensor      10 10',
                  f'  size        {WIDTH} {HEIGHT}', '  animated    0',
                  '  intrinsic   ' + ' '.join(map(str, inner.ravel())),
                  '  extrinsic   ' + ' '.join(map(str, outer.ravel())),
                  '  radial      0']
    path.write_text('\n'.join(lines) + '\n')


def write_video(path: Path, frames: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 25,
                             frames.shape[2:0:-1])
    for frame in frames:
        writer.write(np.ascontiguousarray(frame))
    writer.release()


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """Write a recording of 10 frames for the cameras 0 and 2."""
    root = tmp_path / 'download'
    folder = root / 'S1' / 'Seq1'
    folder.mkdir(parents=True)
    write_annot(folder / 'annot.mat')
    write_calibration(folder / 'camera.calibration')
    for camera in (0, 2):
        # A frame is as bright as its number tells.
        images = np.ones((NUM, HEIGHT, WIDTH, 3), np.uint8)
        images *= 20 * np.arange(1, NUM + 1, dtype=np.uint8)[
            :, None, None, None]
        people = np.zeros_like(images)
        people[:, 20:60, 30:60, 2] = 255
        chairs = np.full_like(images, 255)
        if camera == 2:
            chairs[6] = 0  # frame 7 is all chair
            people[8, ..., 2] = 255  # frame 9 is all person
        for name, frames in (('imageSequence', images), ('FGmasks', people),
                             ('ChairMasks', chairs)):
            write_video(folder / name / f'video_{camera}.avi', frames)
    return root


def convert(root: Path, out: Path, settings: MpiInf3dhpSettings = SETTINGS
            ) -> dict:
    return write_mpi_inf_3dhp(root, out, settings, progress=False)


def load(out: Path, **options) -> XasMpiInf3dhpDataset:
    return XasMpiInf3dhpDataset(
        data_root=str(out), ann_file='annotations/mpi_inf_3dhp_train.npz',
        camera_param_file='annotations/cameras_train.pkl',
        data_prefix=dict(img='images', mask='masks'), **options)


def test_moments_are_dropped_for_all_cameras(download: Path, tmp_path: Path):
    counts = convert(download, tmp_path / 'out')['train']
    # Of the frames 1, 3, 5, 7 and 9.
    assert dict(counts) == dict(kept=2, outside=1, chair=1, pictures=4,
                                **{'over-exposed': 1})
    dataset = load(tmp_path / 'out')
    names = [Path(dataset.get_data_info(i)['img_path']).stem
             for i in range(len(dataset))]
    assert names == ['S1_Seq1_Cam0_000001', 'S1_Seq1_Cam0_000003',
                     'S1_Seq1_Cam2_000001', 'S1_Seq1_Cam2_000003']
    kept = convert(download, tmp_path / 'all', MpiInf3dhpSettings(
        cameras=(0, 2), interval=1, filters=False))['train']
    assert dict(kept) == dict(kept=10, pictures=20)
    dataset = load(tmp_path / 'all', carry_labels=True)
    info = dataset.get_data_info(14)
    assert info['img_path'].endswith('S1_Seq1_Cam2_000005.jpg')
    # spine3, which is outside, is none of the 18.
    assert info['keypoints_visible'].all()


def test_pictures_masks_and_key_points_belong_together(
        download: Path, tmp_path: Path):
    convert(download, tmp_path / 'out')
    dataset = load(tmp_path / 'out', carry_labels=True)
    for row, (camera, frame) in enumerate([(0, 1), (0, 3), (2, 1), (2, 3)]):
        info = dataset.get_data_info(row)
        image = cv2.imread(info['img_path'])
        assert image.shape == (HEIGHT, WIDTH, 3)
        assert abs(image.mean() - 20 * frame) < 3
        mask = cv2.imread(info['mask_path'], cv2.IMREAD_UNCHANGED)
        assert set(np.unique(mask)) == {0, 255}
        assert abs((mask > 0).sum() - 40 * 30) < 60
        points = poses(camera)[frame - 1]
        for ours, theirs in (('root', 'pelvis'), ('left_wrist', ) * 2,
                             ('head', 'head_top'), ('nose', 'head'),
                             ('right_ankle', ) * 2):
            np.testing.assert_allclose(
                info['keypoints_3d'][0, dataset.keypoint_names.index(ours)],
                points[MPI_INF_3DHP_28.index(theirs)], atol=1e-9)
        assert info['camera_param']['T'].tolist() == pytest.approx(
            [100 * camera, 2, 3])
        assert (info['camera_param']['w'], info['camera_param']['h']) == (
            WIDTH, HEIGHT)


def test_mmposes_own_reader_reads_the_same(download: Path, tmp_path: Path):
    convert(download, tmp_path / 'out')
    theirs = BaseMocapDataset(
        ann_file='annotations/mpi_inf_3dhp_train.npz',
        data_root=str(tmp_path / 'out'), data_prefix=dict(img=''),
        metainfo=dict(from_file='configs/_base_/datasets/mpi_inf_3dhp.py'))
    assert len(theirs) == 4
    info = theirs.get_data_info(3)
    want = poses(2)[2, SEVENTEEN]
    np.testing.assert_allclose(info['keypoints_3d'][0], want / 1000,
                               atol=1e-6)
    np.testing.assert_allclose(info['keypoints'][0], project(want), atol=1e-4)


def test_the_authors_18_key_points_stand_beside(
        download: Path, tmp_path: Path):
    convert(download, tmp_path / 'out', MpiInf3dhpSettings(
        cameras=(0, 2), interval=2, filters=False))
    with np.load(tmp_path / 'out/annotations/mpi_inf_3dhp_train.npz') as file:
        body, mmpose = file['S18'], file['S']
    # Torso and thorax are spine2 and spine4, which the 17 do not hold.
    authors = [4, 23, 24, 25, 18, 19, 20, 2, 5, 6, 7, 9, 10, 11, 14, 15, 16,
               1]
    want = np.concatenate([poses(0)[::2], poses(2)[::2]])[:, authors]
    np.testing.assert_allclose(body[..., :3], want / 1000, atol=1e-12)
    assert body.shape == (10, 18, 4)
    assert (body[..., 3] == 1).all()
    assert mmpose.shape == (10, 17, 4)


def test_a_known_error_is_scored(download: Path, tmp_path: Path):
    convert(download, tmp_path / 'out')
    dataset = load(
        tmp_path / 'out', carry_labels=True, test_mode=True,
        pipeline=[dict(type='LoadImage'), dict(type='LoadMask'),
                  dict(type='GetCubeBox', rule='root'),
                  dict(type='CubeAffine', input_size=(64, 64)),
                  dict(type='NormaliseKeypoints3D'),
                  dict(type='PackXasInputs')])
    for shift in (0.0, 10.0):
        metric = METRICS.build(dict(type='MultiHypothesisMPJPE',
                                    hypothesis_rules=('top1', )))
        for i in range(len(dataset)):
            sample = dataset[i]['data_samples']
            pose = sample.gt_instances.keypoints_3d.copy()
            pose[:, 1:] += [0.6 * shift, 0, -0.8 * shift]
            sample.pred_instances = InstanceData(
                hypotheses_3d=pose[:, None],
                hypothesis_scores=np.ones((1, 1, 18)))
            metric.process(None, [sample.to_dict()])
        # The root, which both are centred on, is the one of 18 without.
        assert metric.evaluate(len(dataset))['MPJPE/top1'] == pytest.approx(
            shift * 17 / 18, abs=1e-6)


def test_smaller_masks_are_enlarged(download: Path, tmp_path: Path):
    convert(download, tmp_path / 'out')
    for kind in ('FGmasks', 'ChairMasks'):
        for camera in (0, 2):
            reader = FrameReader(download / 'S1/Seq1' / kind, camera)
            frames = np.stack([reader.read(i) for i in range(1, NUM + 1)])
            write_video(reader.path, frames[:, ::2, ::2])
    convert(download, tmp_path / 'small')
    name = 'masks/S1_Seq1_Cam2_000003.png'
    whole, small = (cv2.imread(str(tmp_path / folder / name), 0)
                    for folder in ('out', 'small'))
    assert small.shape == (HEIGHT, WIDTH)
    assert (whole != small).mean() < 0.03
    assert (tmp_path / 'small/report.json').read_text() == (
        tmp_path / 'out/report.json').read_text()


def test_the_authors_folders_of_pictures(download: Path, tmp_path: Path):
    folder = download / 'S1' / 'Seq1'
    for old, new in (('imageSequence', 'images'), ('FGmasks', 'masks'),
                     ('ChairMasks', 'chair_masks')):
        for camera in (0, 2):
            reader = FrameReader(folder / old, camera)
            place = folder / new / f'video_{camera}'
            place.mkdir(parents=True)
            for i in range(1, NUM + 1):
                cv2.imwrite(str(place / f'frame_{i:06d}.jpg'), reader.read(i))
        (folder / old).rename(folder / f'old_{old}')
    assert convert(download, tmp_path / 'out')['train']['pictures'] == 4
    (folder / 'images/video_2/frame_000003.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'video_2/frame_000003\.jpg'):
        convert(download, tmp_path / 'other')


def test_a_stopped_run_goes_on_to_the_same_bytes(
        download: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def stop(*_):
        raise KeyboardInterrupt

    out = tmp_path / 'out'
    with monkeypatch.context() as patch:
        patch.setattr(mpi_inf_3dhp_set, '_write_train', stop)
        with pytest.raises(KeyboardInterrupt):
            convert(download, out)
    assert not (out / 'annotations/mpi_inf_3dhp_train.npz').exists()
    assert convert(download, out) == convert(download, out)
    whole = tmp_path / 'whole'
    convert(download, whole)
    files = sorted(p.relative_to(whole) for p in whole.rglob('*')
                   if p.is_file())
    assert len(files) == 4 + 4 + 2 + 2
    for file in files:
        assert (out / file).read_bytes() == (whole / file).read_bytes(), file
    with pytest.raises(ValueError, match='interval'):
        convert(download, out, MpiInf3dhpSettings(cameras=(0, 2), interval=3))


def test_missing_and_broken_files_are_named(
        download: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out, folder = tmp_path / 'out', download / 'S1/Seq1'

    def refused(error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            convert(download, out)

    video = folder / 'ChairMasks/video_2.avi'
    video.rename(folder / 'kept.avi')
    refused(FileNotFoundError, r'no video .*ChairMasks/video_2')
    (folder / 'ChairMasks').rename(folder / 'elsewhere')
    refused(FileNotFoundError, r'S1/Seq1/ChairMasks\. Download .*--no-filt')
    (folder / 'elsewhere').rename(folder / 'ChairMasks')
    content = (folder / 'kept.avi').read_bytes()
    video.write_bytes(content[:len(content) // 3])
    refused(ValueError, r'video_2\.avi has \d readable frames; frame \d is')
    video.write_bytes(b'')
    refused(ValueError, r'video_2\.avi has 0 readable frames; frame 1 is')
    video.write_bytes(content)
    (folder / 'camera.calibration').write_text('x')
    refused(ValueError, r'camera\.calibration is no camera')
    (folder / 'camera.calibration').write_bytes(b'\xff\xfe')
    refused(ValueError, r'camera\.calibration is no text file')
    write_calibration(folder / 'camera.calibration')
    frames = np.full((NUM, HEIGHT // 2, WIDTH, 3), 255, np.uint8)
    write_video(video, frames)
    refused(ValueError, r'ChairMasks/video_2\.avi is of 96x40 .*another pict')
    video.write_bytes(content)
    pictures = folder / 'imageSequence/video_2.avi'
    content = pictures.read_bytes()
    write_video(pictures, frames[:, ::2, ::2])
    refused(ValueError, r'Sequence/video_2\.avi is of 48x20 px; .* 96x80: ')
    pictures.write_bytes(content)
    # The annotation goes on behind the end of the video.
    monkeypatch.setitem(mpi_inf_3dhp_set.NUM_FRAMES, (1, 1), 2)
    assert convert(download, out)['train']['pictures'] == 2
    with pytest.raises(FileNotFoundError, match='neither S1/Seq1 nor TS1'):
        convert(folder, out)


def test_broken_annotations_are_named(download: Path):
    path = download / 'S1/Seq1/annot.mat'
    with pytest.raises(FileNotFoundError, match=r'none\.mat'):
        read_annot(path.with_name('none.mat'), (0, ))
    cells = np.empty((14, 1), object)
    cells[:, 0] = [np.zeros((NUM, 56))] * 14
    write_annot(path, annot2=cells[:3])
    with pytest.raises(ValueError, match=r'annot2 is \(3, 1\); cells for 14'):
        read_annot(path, (0, ))
    cells[0, 0] = np.zeros((NUM, 34))
    write_annot(path, annot2=cells)
    with pytest.raises(ValueError, match=r'annot2 of camera 0 .*\(10, 34\)'):
        read_annot(path, (0, ))
    cells[0, 0] = np.full((NUM, 56), np.nan)
    write_annot(path, annot2=cells)
    with pytest.raises(ValueError, match='not finite'):
        read_annot(path, (0, ))
    cells[0, 0] = np.zeros((NUM - 1, 56))
    write_annot(path, annot2=cells)
    with pytest.raises(ValueError, match=r'has \[9, 10\] frames'):
        read_annot(path, (0, 2))
    savemat(path, dict(annot2=cells))
    with pytest.raises(ValueError, match='annot3 is missing'):
        read_annot(path, (2, ))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r'annot\.mat is no MATLAB file'):
        read_annot(path, (0, ))


@pytest.mark.parametrize('options', [
    dict(interval=0), dict(cameras=()), dict(cameras=(14, )),
    dict(cameras=(0, 0))])
def test_impossible_settings_are_named(options: dict):
    with pytest.raises(ValueError, match='numbers from 0 to 13'):
        MpiInf3dhpSettings(**options)


def write_test_recording(root: Path, number: int, **change) -> Path:
    h5py = pytest.importorskip('h5py')
    folder = root / f'mpi_inf_3dhp_test_set/TS{number}'
    (folder / 'imageSequence').mkdir(parents=True, exist_ok=True)
    points = poses(50 + number, 17)
    valid = np.ones((NUM, 1))
    valid[[0, 4]] = 0
    arrays = dict(annot2=project(points)[:, None], annot3=points[:, None],
                  valid_frame=valid)
    with h5py.File(folder / 'annot_data.mat', 'w') as file:
        for key, value in {**arrays, **change}.items():
            if value is not None:
                file[key] = value
    for i in range(1, NUM + 1):
        # Of the first that counts the size is looked at.
        size = size_of(number) if i == 2 else (WIDTH, HEIGHT)
        cv2.imwrite(str(folder / f'imageSequence/img_{i:06d}.jpg'),
                    np.full((*size[::-1], 3), 20 * i, np.uint8))
    return folder


def size_of(number: int) -> tuple[int, int]:
    """Return the width and height of a test recording's pictures."""
    return (2048, 2048) if number <= 4 else (1920, 1080)


def test_the_test_set(tmp_path: Path):
    for number in (1, 6):
        write_test_recording(tmp_path / 'in', number)
    counts = convert(tmp_path / 'in', tmp_path / 'out')
    assert {key: dict(value) for key, value in counts.items()} == dict(
        test={'kept': 16, 'not valid': 4, 'pictures': 16})
    dataset = XasMpiInf3dhpDataset(
        data_root=str(tmp_path / 'out'),
        ann_file='annotations/mpi_inf_3dhp_test_valid.npz',
        camera_param_file='annotations/cameras_test.pkl',
        data_prefix=dict(img='images'), carry_labels=True)
    assert len(dataset) == 16
    info = dataset.get_data_info(8)
    assert info['img_path'].endswith('TS6_000002.jpg')
    assert abs(cv2.imread(info['img_path']).mean() - 40) < 2
    # The camera is found from the key points.
    np.testing.assert_allclose(info['camera_param']['f'], F, rtol=1e-9)
    np.testing.assert_allclose(info['camera_param']['c'], C, rtol=1e-9)
    assert info['camera_param']['w'] == 1920
    assert dataset.get_data_info(0)['camera_param']['w'] == 2048
    # Row 14 is the pelvis in the test set, too.
    np.testing.assert_allclose(info['root_camera'], poses(56, 17)[1, 14])


def test_cameras_of_real_test_frames(sample_data: Path):
    """One frame each gives what MMPose found from thousands."""
    with np.load(sample_data / 'mpi_inf_3dhp/test_3dhp_test.npz') as file:
        part, points = file['part'], file['S']
    cameras = read_mpi_inf_3dhp_cameras(
        sample_data / 'mpi_inf_3dhp/cameras_test.pkl')
    for row, subject in enumerate(('TS1', 'TS2')):
        fit = fit_intrinsics(EvaluationView(
            part[row:row + 1, :, :2], points[row:row + 1, :, :3] * 1000,
            np.ones(1, bool)))
        for key in ('f', 'c'):
            np.testing.assert_allclose(fit[key], cameras[subject, ''][key],
                                       atol=1)


def test_broken_test_sets_are_named(tmp_path: Path):
    folder = write_test_recording(tmp_path / 'in', 1)
    picture = folder / 'imageSequence/img_000002.jpg'
    cv2.imwrite(str(picture), np.zeros((1080, 1920, 3), np.uint8))
    with pytest.raises(ValueError, match=r'02\.jpg is of 1920x1080 .* 2048x'):
        convert(tmp_path / 'in', tmp_path / 'out')
    picture.unlink()
    with pytest.raises(FileNotFoundError, match=r'img_000002\.jpg.*valid'):
        convert(tmp_path / 'in', tmp_path / 'out')
    path = folder / 'annot_data.mat'
    for change, message in (
            (dict(annot3=None), "'annot3'"),
            (dict(annot2=np.zeros((NUM, 1, 16, 2))), r'\(10, 1, 16, 2\)'),
            (dict(valid_frame=np.ones((NUM + 1, 1))), r'\(11, 1\)'),
            (dict(annot2=np.full((NUM, 1, 17, 2), np.inf)), 'not finite')):
        write_test_recording(tmp_path / 'in', 1, **change)
        with pytest.raises(ValueError, match=message):
            read_annot_data(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r'no annot_data\.mat of MPI'):
        read_annot_data(path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'TS1/annot_data\.mat'):
        read_annot_data(path)


def test_h5py_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, 'h5py', None)
    with pytest.raises(ImportError, match=r'version 7\.3.*pip install h5py'):
        read_annot_data(tmp_path / 'annot_data.mat')
