"""Protocols that any config may be tested by, and both layouts of H36M."""
from __future__ import annotations

import json
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS
from torch import nn

from xas_mmpose.datasets.human36m_meta import (
    CAMERA_IDS,
    SPLITS,
    Sequence,
    convert_human36m,
)
from xas_mmpose.datasets.mmpose_layout import write_annotations
from xas_mmpose.datasets.splits import MPI_INF_3DHP_SPLITS
from xas_mmpose.engine.config_options import merge_options
from xas_mmpose.geometry import cameras

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PROTOCOLS = CONFIGS / '_base_' / 'protocols'
#: A config that each is for, and numbers that it gives.
CASES = dict(
    authors=('xas_h36m', [
        'MPJPE/oracle-joint,reference', 'MPJPE/top1,reference',
        'P-MPJPE/top1,reference,triangulated', '2D/crop/top1,reference',
        '3DPCK@150/oracle-joint,reference,triangulated',
        'ambiguity,reference']),
    h36m_every5=('xas_h36m', [
        'MPJPE/top1,joints=17', 'P-MPJPE/oracle,joints=17']),
    h36m_every64=('xas_h36m', [
        'MPJPE/top1,joints=17', 'P-MPJPE/oracle,joints=17']),
    mpi_inf_3dhp_test=('xas_mpi_inf_3dhp', [
        '3DPCK@150/top1,joints=14', 'AUC/oracle,joints=17',
        'MPJPE/top1,joints=17']),
    multi_view=('xas_mini', ['MPJPE/top1,triangulated', 'ambiguity']))


@pytest.fixture
def more_data(mini_data: None, mpi_data: None, mini_root: Path,
              tmp_path: Path) -> None:
    """Write all frames of H36M beside every 5th, and two of TS1 and TS5."""
    folder = mini_root / 'annotation_body3d'
    shutil.copytree(folder / 'fps10', folder / 'fps50', dirs_exist_ok=True)
    names, root = ['TS1_000001.jpg', 'TS5_000002.jpg'], tmp_path / 'mpi'
    for name in names:
        for kind, picture in (('images', name), ('masks', name[:-4])):
            source = next((root / kind).glob('S1_*'))
            shutil.copy(source, root / kind / Path(picture).with_suffix(
                source.suffix))
    rng = np.random.default_rng(1)
    points = rng.uniform([-700, -700, 3900], [700, 700, 4100], (2, 17, 3))
    write_annotations(
        root / 'annotations/mpi_inf_3dhp_test_valid.npz', names,
        points[..., :2] / points[..., 2:] * 150 + 60, points,
        np.ones((2, 17)))
    (root / 'annotations/cameras_test.pkl').write_bytes(pickle.dumps({
        name[:3]: dict(f=np.full((2, 1), 150.0), c=np.full((2, 1), 60.0),
                       w=120, h=120, name=name[:3]) for name in names}, 2))


@pytest.mark.parametrize('name', sorted(
    {path.stem for path in PROTOCOLS.glob('*.py')} | set(CASES)))
def test_each_names_its_rules(
        name: str, more_data: None, tmp_path: Path,
        build_model: Callable[[Config], nn.Module],
        small: Callable[[Config], dict], run_tool: Callable[..., None]):
    assert name in CASES, f'nothing tests the protocol {name}: add it'
    config_name, keys = CASES[name]
    path = CONFIGS / f'{config_name}.py'
    config = Config.fromfile(path)
    options = small(config)
    config.merge_from_dict(options)
    torch.save(dict(state_dict=build_model(config).state_dict()),
               tmp_path / 'untrained.pth')
    run_tool('test', path, tmp_path / 'untrained.pth', '--protocol', name,
             '--work-dir', tmp_path / 'work', '--out',
             tmp_path / 'metrics.json', options=options)
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    for key in keys:
        assert np.isfinite(metrics[key])
        assert 'crop rule' in metrics[f'{key}/protocol']
    frames = {text.split()[0] for key, text in metrics.items()
              if key.endswith('/protocol') and 'view' not in text}
    assert frames <= {'2' if name == 'mpi_inf_3dhp_test' else '4'}


def test_every_64th_takes_the_file_of_all_frames():
    config = Config.fromfile(PROTOCOLS / 'h36m_every64.py')
    plain = Config.fromfile(PROTOCOLS / 'h36m_every5.py')
    assert config.test_evaluator == plain.test_evaluator
    dataset = config.test_dataloader.dataset
    assert dataset.sample_interval == 64
    assert 'fps50' in dataset.ann_file
    assert plain.test_dataloader.dataset == dict(
        ann_file='annotation_body3d/fps10/h36m_test.npz')


def test_the_page_names_what_is_there():
    text = (CONFIGS.parent / 'docs' / 'protocols.md').read_text()
    named = re.findall(r'^\| `([a-z]\w+)` \|', text, re.MULTILINE)
    assert sorted(named) == sorted(CASES)
    options = dict(re.findall(r'(t\w+_dataloader\.\S+)=(\S+)', text))
    assert len(options) == 4
    config = Config.fromfile(CONFIGS / 'xas_h36m.py')
    merge_options(config, options)
    people = [config.train_dataloader.dataset.datasets[0],
              config.test_dataloader.dataset]
    for dataset, end in zip(people, ('train_selected', 'valid')):
        with pytest.raises(FileNotFoundError, match='no annotation file '
                           '/nowhere/annotation_body3d/fps50/h36m_t'):
            DATASETS.build(dict(dataset, data_root='/nowhere'))
        assert dataset.split_file.endswith(f'/split_{end}.txt')
    splits = table_of(text, '| set | split |')
    assert set(re.findall(r'`(\w+)`', splits)) == {
        *SPLITS, *MPI_INF_3DHP_SPLITS}


def table_of(text: str, head: str) -> str:
    """Return the second column of a table."""
    table = text[text.index(head):].split('\n\n')[0]
    return ' '.join(row.split('|')[2] for row in table.splitlines())


def write_authors_layout(mini_root: Path, root: Path) -> None:
    """Write XaS-Mini's test pictures as the authors lay Human3.6M out."""
    sequence = Sequence(9, 14, 1)
    with open(mini_root / 'annotation_body3d/cameras.pkl', 'rb') as file:
        stored = pickle.load(file)
    with np.load(mini_root / 'annotation_body3d/fps10/h36m_test.npz') as f:
        arrays = dict(zip(f['imgname'].tolist(), f['S']))
    for number, camera_id in enumerate(CAMERA_IDS, 1):
        name, = (name for name in arrays if camera_id in name)
        camera, folder = stored['S9', camera_id], sequence.folder(number)
        centre = 1000 * camera['T'][:, 0]
        pose = 1000 * arrays[name][:, :3] @ camera['R'].T + centre
        rows = [('rot', camera['R'].T.ravel(order='F')), ('trans', centre),
                ('f', camera['f'][:, 0]), ('c', camera['c'][:, 0]),
                ('k', np.zeros(3)), ('p', np.zeros(2)),
                ('jt', range(1, 18)),
                ('1', np.concatenate([pose, np.zeros((15, 3))]).ravel())]
        lines = ['1', f'res {camera["w"]} {camera["h"]}', *(
            f'{label} {" ".join(map(str, row))}' for label, row in rows)]
        for kind in ('annot', 'images', 'masks'):
            (root / kind / folder).mkdir(parents=True)
        (root / 'annot' / folder / 'matlab_meta.txt').write_text(
            '\n'.join(lines) + '\n')
        for kind, ending in (('images', '.jpg'), ('masks', '.png')):
            shutil.copy((mini_root / kind / name).with_suffix(ending),
                        root / kind / folder / f'{folder}_000001{ending}')


@pytest.mark.parametrize('layout', ['mmpose', 'authors'])
def test_the_authors_evaluation_in_both_layouts(
        layout: str, mini_data: None, mini_root: Path, tmp_path: Path):
    config = Config.fromfile(CONFIGS / 'xas_h36m.py')
    config.merge_from_dict(
        Config.fromfile(PROTOCOLS / 'authors.py').to_dict())
    loader = config.test_dataloader
    # Views of an instant fall into different batches.
    loader.update(num_workers=0, persistent_workers=False, batch_size=3)
    if layout == 'authors':
        write_authors_layout(mini_root, tmp_path / 'hm36')
        convert_human36m(tmp_path / 'hm36', tmp_path / 'out', ('validfull', ),
                         tmp_path / 'hm36/masks', progress=False)
        loader.dataset.update(
            data_root=str(tmp_path / 'out'),
            ann_file='annotation_body3d/h36m_validfull.npz')
    loader = Runner.build_dataloader(loader)
    evaluator = Evaluator(config.test_evaluator)
    evaluator.dataset_meta = loader.dataset.metainfo
    errors = []
    for batch in loader:
        for sample in batch['data_samples']:
            truth = sample.gt_instances.keypoints_3d[0]
            # 10 mm farther along the rays of the camera.
            wrong = truth * (1 + 10 / truth[:, 2:])
            errors += np.linalg.norm(wrong - truth, axis=-1).tolist()
            camera, size = sample.camera_param, sample.input_size
            patch = cameras.image_to_patch(
                cameras.camera_to_image(wrong, camera['f'], camera['c']),
                cameras.crop_affine(sample.input_center, sample.input_scale,
                                    size), truth[0, 2])
            hypotheses = cameras.patch_to_normalised(patch, size)
            sample.pred_instances = InstanceData(
                hypotheses=hypotheses[None, None],
                hypothesis_scores=np.ones((1, 1, 18)))
        evaluator.process(batch['data_samples'])
    assert len(errors) == 4 * 18
    result = evaluator.evaluate(4)
    for rule in ('top1', 'oracle-joint'):
        key = f'MPJPE/{rule},reference'
        assert result[key] == pytest.approx(np.mean(errors), abs=0.01)
        assert 10 < result[key] < 11
        # What each camera sees is right, so their rays meet in the truth.
        assert result[f'{key},triangulated'] == pytest.approx(0, abs=0.01)
        # The authors' mean over 15 actions takes those that lack for 0.
        assert result[f'{key}/h36m-15'] == pytest.approx(result[key] / 15)
        assert result[f'2D/crop/{rule},reference'] == pytest.approx(
            0, abs=1e-3)
    assert result['ambiguity,reference'] == 0
