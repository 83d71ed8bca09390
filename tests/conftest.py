"""Fixtures that every test may use, and small data sets made for each."""
from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import init_default_scope

import xas_mmpose  # noqa: F401  (registers)
from xas_mmpose.body_models import load_body
from xas_mmpose.render import SceneSettings, Synthesizer
from xas_mmpose.render.casting import (
    make_pose_prior,
    make_wardrobe,
    scaled_scene,
)
from xas_mmpose.render.studio import XasZooMiniSettings, write_studio_set
from xas_mmpose.render.synthetic_set import (
    SyntheticSetSettings,
    write_synthetic_set,
)
from xas_mmpose.skeletons import HUMAN36M_18

#: Optional material beside the checkout (or where XAS_SHARED points): golden
#: vectors of the authors' released code, and a few real frames. Neither may
#: be shipped; tests that need them skip where they are absent.
SHARED = Path(
    os.environ.get('XAS_SHARED',
                   Path(__file__).resolve().parents[2] / 'shared'))


@pytest.fixture(scope='session')
def goldens() -> Path:
    """Return the folder of golden vectors, or skip the test."""
    folder = SHARED / 'goldens'
    if not folder.is_dir():
        pytest.skip(f'no golden vectors at {folder} (set XAS_SHARED)')
    return folder


@pytest.fixture(scope='session')
def sample_data() -> Path:
    """Return the folder of real sample frames, or skip the test."""
    folder = SHARED / 'data'
    if not folder.is_dir():
        pytest.skip(f'no real sample frames at {folder} (set XAS_SHARED)')
    return folder


@pytest.fixture(scope='session')
def check_results() -> Callable[[dict], None]:
    """Return what asserts that a results.json fits its documentation."""
    path = Path(__file__).with_name('schema.py')
    spec = importlib.util.spec_from_file_location('schema', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.check_results


@pytest.fixture
def two_processes(tmp_path: Path) -> Callable[..., None]:
    """Return what runs a script as two processes that share ``tmp_path``.

    The script is given its names by ``one_of_two.py``.
    """

    def run(text: str, timeout: float = 600) -> None:
        script = tmp_path / 'script.py'
        script.write_text(text)
        logs = [tmp_path / f'rank{rank}.log' for rank in range(2)]
        processes = []
        for rank, path in enumerate(logs):
            with path.open('w') as log:
                processes.append(subprocess.Popen(
                    [sys.executable,
                     str(Path(__file__).with_name('one_of_two.py')),
                     str(script), str(rank), str(tmp_path)],
                    stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path,
                    env={**os.environ, 'OMP_NUM_THREADS': '1',
                         'PYTHONPATH': str(Path(__file__).parents[1])}))
        deadline = time.monotonic() + timeout
        try:
            # Where one fails, the other may wait for it.
            while (any(p.poll() is None for p in processes)
                   and not any(p.poll() for p in processes)
                   and time.monotonic() < deadline):
                time.sleep(0.05)
            status = [p.poll() for p in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
        assert status == [0, 0], '\n'.join(
            [f'{status} (None: stopped)',
             *(path.read_text()[-3000:] for path in logs)])

    return run


#: Deliberately not in the order of subject, action and camera, and with two
#: frames in one sequence.
NAMES = (
    'S9/S9_Waiting_1.60457274/S9_Waiting_1.60457274_000001.jpg',
    'S1/S1_WalkingDog.54138969/S1_WalkingDog.54138969_000011.jpg',
    'S11/S11_Directions_2.55011271/S11_Directions_2.55011271_000006.jpg',
    'S1/S1_Directions_1.58860488/S1_Directions_1.58860488_000001.jpg',
    'S9/S9_Directions.60457274/S9_Directions.60457274_000021.jpg',
    'S9/S9_Waiting_1.60457274/S9_Waiting_1.60457274_000002.jpg',
)
#: Width and height of all pictures made here: not square.
PICTURE = (210, 190)


@pytest.fixture(autouse=True)
def _mmpose_scope() -> None:
    init_default_scope('mmpose')


@dataclass
class FakeH36M:
    """A made-up Human3.6M and its truth, row by row of the npz.

    Attributes:
        root: Its folder.
        keypoints_3d: (N, 17, 3) camera frame, mm.
        f: Focal lengths (N, 2).
        c: Principal points (N, 2).
    """

    root: Path
    keypoints_3d: np.ndarray
    f: np.ndarray
    c: np.ndarray

    @property
    def options(self) -> dict:
        """Arguments of XasHuman36mDataset without labels."""
        return dict(
            data_root=str(self.root), ann_file='annotations/h36m_train.npz',
            camera_param_file='annotations/cameras.pkl',
            data_prefix=dict(img='images', mask='masks'))


def make_pose(rng: np.random.Generator, root: np.ndarray) -> np.ndarray:
    """Return 17 joints (17, 3), mm, of somebody at ``root``."""
    offsets = rng.uniform([-350, -700, -300], [350, 700, 300], (17, 3))
    offsets[0] = 0
    return root + offsets


def draw_person(points: np.ndarray, colour: int, rng: np.random.Generator,
                size: tuple[int, int] = PICTURE
                ) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture whose blue channel is the mask, and the mask."""
    mask = np.zeros(size[::-1], np.uint8)
    hull = cv2.convexHull(np.rint(points).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 255)
    image = rng.integers(0, 255, (*mask.shape, 3), dtype=np.uint8)
    image[..., 0] = mask
    image[..., 1] = colour
    return image, mask


def save_picture(path: Path, image: np.ndarray) -> None:
    """Write a picture without loss, whatever its ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode('.png', image)[1].tobytes())


@pytest.fixture
def fake_h36m(tmp_path: Path) -> FakeH36M:
    rng = np.random.default_rng(0)
    keypoints, parts, focals, centres, cameras = [], [], [], [], {}
    for row, name in enumerate(NAMES):
        subject, camera_id = name.split('/')[0], name.split('.')[1][:8]
        if (subject, camera_id) not in cameras:
            place = rng.uniform(-2, 2, (3, 1))
            rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
            rotation *= np.linalg.det(rotation)
            cameras[subject, camera_id] = dict(
                R=rotation, T=place, f=rng.uniform(225, 235, (2, 1)),
                c=rng.uniform(95, 110, (2, 1)),
                k=np.array([[-0.2], [0.24], [0.007]]),
                p=np.array([[-0.003], [-0.002]]), w=210, h=190,
                name=camera_id, id=camera_id)
        camera = cameras[subject, camera_id]
        f, c = camera['f'][:, 0], camera['c'][:, 0]
        pose = make_pose(rng, np.array([150.0 * row - 400, 80 - 40.0 * row,
                                        4000 + 300 * row]))
        pixels = pose[:, :2] / pose[:, 2:] * f + c
        image, mask = draw_person(pixels, 30 + 30 * row, rng)
        save_picture(tmp_path / 'images' / name, image)
        save_picture((tmp_path / 'masks' / name).with_suffix('.png'), mask)
        keypoints.append(pose)
        parts.append(pixels)
        focals.append(f)
        centres.append(c)
    ones = np.ones((len(NAMES), 17, 1))
    parts = np.array(parts)
    (tmp_path / 'annotations').mkdir()
    np.savez(
        tmp_path / 'annotations' / 'h36m_train.npz', imgname=np.array(NAMES),
        S=np.concatenate([np.array(keypoints) / 1000, ones], -1),
        part=np.concatenate([parts, ones], -1),
        center=parts.mean(1), scale=np.ptp(parts, axis=1).max(-1) / 200)
    with open(tmp_path / 'annotations' / 'cameras.pkl', 'wb') as file:
        pickle.dump(cameras, file, protocol=2)
    return FakeH36M(tmp_path, np.array(keypoints), np.array(focals),
                    np.array(centres))


@pytest.fixture
def fake_synthetic(tmp_path: Path) -> Path:
    """Return a folder of 6 synthetic pairs of 3 bodies."""
    rng = np.random.default_rng(1)
    root = tmp_path / 'synthetic'
    size, images, annotations = 160, [], []
    for i in range(6):
        pose = make_pose(rng, np.array([0.0, 0.0, 4500 + 200 * i]))
        pose = np.concatenate([pose, pose[[11, 14]].mean(0, keepdims=True)])
        focal = np.array([size * pose[0, 2] / 2500] * 2)
        centre = np.array([size / 2] * 2)
        pixels = pose[:, :2] / pose[:, 2:] * focal + centre
        image, mask = draw_person(pixels, 10 * i, rng, (size, size))
        save_picture(root / f'images/{i:08d}.jpg', image)
        save_picture(root / f'masks/{i:08d}.png', mask)
        images.append(dict(
            id=i, file_name=f'images/{i:08d}.jpg', width=size, height=size,
            mask_file=f'masks/{i:08d}.png'))
        flat = np.concatenate([pixels, np.full((18, 1), 2)], -1).ravel()
        x, y, w, h = cv2.boundingRect(mask)
        annotations.append(dict(
            id=i, image_id=i, category_id=1, iscrowd=0, bbox=[x, y, w, h],
            area=int((mask > 0).sum()), keypoints=flat.round(2).tolist(),
            num_keypoints=18, keypoints_3d=pose.tolist(),
            camera_param=dict(f=focal.tolist(), c=centre.tolist(),
                              R=np.eye(3).tolist(), T=[0.0, 0.0, 0.0],
                              w=size, h=size),
            subject=i // 2))
    categories = [dict(id=1, name='person', skeleton=[],
                       keypoints=list(HUMAN36M_18.keypoint_names))]
    (root / 'annotations.json').write_text(json.dumps(dict(
        info={}, images=images, annotations=annotations,
        categories=categories)))
    return root


#: Bodies of the made-up Animal3D, with the numbers of their SMAL families.
ANIMALS = (('cow', 3), ('fox', 1), ('cow', 3), ('horse', 2))


@dataclass
class FakeAnimal3D:
    """A made-up Animal3D, rendered with the package's own animals.

    Attributes:
        root: Its folder.
        keypoints: (N, 26, 2) image px, in the order of ``test.json``.
        visible: Which of them are in the picture (N, 26).
        keypoints_3d: (N, 26, 3) camera frame, mm from somewhere.
    """

    root: Path
    keypoints: np.ndarray
    visible: np.ndarray
    keypoints_3d: np.ndarray


def draw_animals(rng: np.random.Generator) -> list:
    """Render a sample of each of :data:`ANIMALS`."""
    samples = []
    for name, _ in ANIMALS:
        body = load_body(name)
        synthesizer = Synthesizer(
            body, make_wardrobe(body),
            scaled_scene(body, SceneSettings(image_size=96)),
            make_pose_prior(body, reject_crossing=False))
        samples.append(synthesizer.draw_sample(
            rng, synthesizer.draw_subject(rng)))
    return samples


@pytest.fixture(scope='session')
def _animal3d(tmp_path_factory: pytest.TempPathFactory) -> FakeAnimal3D:
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp('animals') / 'animal3d'
    entries, pixels, shown, points = [], [], [], []
    for row, ((name, family), sample) in enumerate(zip(
            ANIMALS, draw_animals(rng))):
        # Pictures are not square.
        image, mask = (cv2.copyMakeBorder(
            picture, 4, 10, 20 + row, 12, cv2.BORDER_REPLICATE)
            for picture in (sample.image, sample.mask))
        keypoints = sample.keypoints + np.array([20 + row, 4])
        visible = sample.keypoints_visible > 0
        # Nobody knows where the origin is.
        units = sample.keypoints_3d / 1000 - rng.uniform(-1, 1, 3)
        paths = {}
        for key, picture, ending in (('images', image, 'jpg'),
                                     ('masks', mask, 'png')):
            paths[key] = f'{key}/test/{name}/{row}.{ending}'
            save_picture(root / paths[key], picture)
        x, y, width, height = cv2.boundingRect(mask)
        flat = np.column_stack([keypoints, visible]).tolist()
        entries.append(dict(
            img_path=paths['images'], mask_path=paths['masks'],
            rd_mask_path=paths['masks'], bbox=[x, y, width, height],
            keypoint_2d=flat, reproj_kp_2d=flat, joints_2d=[[0, 0, 0]] * 35,
            keypoint_3d=units.tolist(), joints_3d=[[0, 0, 0]] * 35,
            pose=[*sample.global_orient.tolist(),
                  *sample.body_pose.tolist()],
            shape=[0.0] * 20, shape_extra=[0.0] * 21, trans=[0.0, 0.0, 3.0],
            supercategory=family, category=name, with_tail=True,
            height=image.shape[0], width=image.shape[1]))
        pixels.append(keypoints)
        shown.append(visible)
        points.append(units * 1000)
    for split in ('train', 'test'):
        (root / f'{split}.json').write_text(json.dumps(dict(data=entries)))
    return FakeAnimal3D(root, np.array(pixels), np.array(shown),
                        np.array(points))


@pytest.fixture
def fake_animal3d(_animal3d: FakeAnimal3D, tmp_path: Path) -> FakeAnimal3D:
    """Return a made-up Animal3D of four pictures, which may be changed."""
    root = tmp_path / 'animal3d'
    shutil.copytree(_animal3d.root, root)
    return dataclasses.replace(_animal3d, root=root)


@pytest.fixture(scope='session')
def animal_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 6 synthetic pairs of 3 animals; leave it as it is."""
    root = tmp_path_factory.mktemp('animals') / 'pairs'
    write_synthetic_set(root, SyntheticSetSettings(
        num=6, num_subjects=3, body='cow,fox,horse', reject_crossing=False,
        scene=SceneSettings(image_size=96)), progress=False)
    return root


@pytest.fixture(scope='session')
def zoo_mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return XaS-Zoo-Mini of a fox and a stag, four pictures each.

    The fox is there to train, the stag to test; leave it as it is.
    """
    root = tmp_path_factory.mktemp('studio') / 'xas_zoo_mini'
    write_studio_set(root, XasZooMiniSettings(
        frames=1, image_size=96, supersampling=1, subjects=('S2', 'S11'),
        actions=('Walk', )), progress=False)
    return root
