"""The authors' checkpoints, made up, become ours and compute the same."""
from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from mmengine import Config
from mmengine.runner import load_checkpoint
from torch import Tensor

from xas_mmpose.engine.hooks.adversarial_prior_hook import KEY
from xas_mmpose.models.priors import (
    REFERENCE_DISCRIMINATORS,
    GCNPoseDiscriminator,
    PhysiqueNetwork,
)

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / 'tools' / 'model_converters' / 'reference_to_mmpose.py'
BACKBONE, HEAD = 'regressor.net.backbone.', 'regressor.net.head.'


@pytest.fixture(scope='module')
def tool() -> dict:
    return runpy.run_path(str(TOOL))


def random_tensors(shapes: dict[str, list[int]], seed: int
                   ) -> dict[str, Tensor]:
    """Return tensors of weights' usual size, the body model's of zeros."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in shapes.items():
        if name.startswith('smpl_layer'):
            tensors[name] = torch.zeros(())
        elif name.endswith('num_batches_tracked'):
            tensors[name] = torch.tensor(7)
        elif name.endswith('running_var'):
            tensors[name] = 0.5 + torch.rand(shape, generator=generator)
        else:
            scale = max(np.prod(shape[1:]), 1)**-0.5
            tensors[name] = scale * torch.randn(shape, generator=generator)
    return tensors


@pytest.fixture(scope='module')
def reference(goldens: Path) -> dict:
    shapes = json.loads((goldens / '11_state_dict.json').read_text())
    return dict(epoch=3, **{
        part: random_tensors(shapes[part], seed)
        for seed, part in enumerate(('unsup_model', 'unsup_disc'))
    })


@pytest.fixture(scope='module')
def networks(tool: dict):
    return tool['build_networks'](Config.fromfile(
        ROOT / 'configs' / 'xas_h36m_s2.py'))


@pytest.fixture(scope='module')
def written(tool: dict, reference: dict,
            tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file that the tool has made of one."""
    folder = tmp_path_factory.mktemp('converted')
    torch.save(reference, folder / 'theirs.pth.tar')
    tool['main']([str(folder / 'theirs.pth.tar'), str(folder / 'ours.pth')])
    (folder / 'theirs.pth.tar').unlink()
    return folder / 'ours.pth'


def test_detector_computes_what_the_authors_layers_do(written, networks,
                                                      reference):
    detector = networks.detector.eval()
    load_checkpoint(detector, str(written), 'cpu', strict=True)
    theirs = torchvision.models.resnet50()
    state = {k.removeprefix(BACKBONE): v
             for k, v in reference['unsup_model'].items()
             if k.startswith(BACKBONE)}
    assert theirs.load_state_dict(state, strict=False).missing_keys == [
        'fc.weight', 'fc.bias']
    theirs.eval()
    picture = torch.rand(1, 3, 64, 64,
                         generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        want = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(picture))))
        for layer in (theirs.layer1, theirs.layer2, theirs.layer3,
                      theirs.layer4):
            want = layer(want)
        got = detector.backbone(picture)[-1]
    scale = want.abs().max().item()
    assert scale > 0.1
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * scale)
    # And the physique network, fed as the authors' is.
    physique = PhysiqueNetwork()
    prefix = 'physique_network.'
    physique.load_state_dict({
        ours: reference['unsup_model'][prefix + key]
        for ours, key in physique.reference_keys().items()})
    drawn = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(
            detector.head.pretext.physique_mask.network(drawn),
            physique.eval()(drawn))


def test_head_gives_the_golden_volumes(tool, networks, goldens):
    with np.load(goldens / '12_deconv_head.npz') as file:
        golden = {k: torch.from_numpy(v) for k, v in file.items()}
    channels, count, filters, kernel, _, _, depth = golden['config'].tolist()
    height, width = golden['eval_out'].shape[-2:]
    config = Config.fromfile(ROOT / 'configs' / 'xas_h36m_s2.py')
    num_keypoints = golden['eval_out'].shape[1] // depth
    # As many key points as the golden has: a chain of them.
    config.model.head.update(
        in_channels=channels, deconv_out_channels=[filters] * count,
        deconv_kernel_sizes=[kernel] * count, loss_symmetry=None)
    config.model.head.metainfo = dict(
        keypoint_info={i: dict(name=str(i), id=i)
                       for i in range(num_keypoints)},
        skeleton_info={0: dict(link=('0', '1'), id=0)},
        parent_indices=[max(i - 1, 0) for i in range(num_keypoints)])
    config.model.head.decoder.update(
        input_size=(width * 4, height * 4),
        heatmap_size=(width, height, depth), window=3)
    small = tool['build_networks'](config)
    keys = tool['detector_keys'](small.detector)
    state = small.detector.state_dict()
    theirs = {their: state[ours] for ours, their in keys.items()
              if not their.startswith(HEAD)}
    stored = {k.removeprefix('sd/'): v for k, v in golden.items()
              if k.startswith('sd/')}
    theirs.update({HEAD + k: v for k, v in stored.items()})
    disc = small.reference.state_dict()
    converted = tool['convert'](dict(unsup_model=theirs, unsup_disc={
        their: disc[ours] for ours, their in
        tool['discriminator_keys'](small.reference).items()}), small)
    small.detector.load_state_dict(converted['state_dict'])
    for mode in ('eval', 'train'):
        small.detector.train(mode == 'train')
        got = small.detector.head((golden['input'], ))
        np.testing.assert_allclose(got.detach().flatten(1, 2),
                                   golden[f'{mode}_out'], rtol=0, atol=1e-5)


def test_discriminator_judges_as_the_authors_does(written, networks,
                                                  reference):
    theirs = GCNPoseDiscriminator(networks.detector.head.metainfo,
                                  **REFERENCE_DISCRIMINATORS['decouple'])
    prefix = 'smpl_discriminator.'
    theirs.load_state_dict({
        ours: reference['unsup_disc'][prefix + key]
        for ours, key in theirs.reference_keys().items()})
    ours = networks.discriminator
    ours.load_state_dict(
        torch.load(written, weights_only=True)[KEY]['discriminator'])
    assert ours.code.shape[1] == 18 != theirs.code.shape[1]
    poses = torch.rand(4, 18, 3,
                       generator=torch.Generator().manual_seed(0)) - 0.5
    with torch.no_grad():
        got = ours.eval()(poses)
        # Theirs depends on the other poses and on the root's place.
        poses = poses - poses[:, :1]
        want = torch.cat([theirs.eval()(pose[None]) for pose in poses])
    assert want.std() > 0.01
    # Their norm adds its epsilon elsewhere.
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)


def test_what_is_left_out_is_said(tool, reference, networks, tmp_path,
                                  capsys, monkeypatch):
    path = tmp_path / 'theirs.pth.tar'
    torch.save(reference, path)
    monkeypatch.setitem(tool['main'].__globals__, 'build_networks',
                        lambda config: networks)
    tool['main']([str(path), str(tmp_path / 'new' / 'ours.pth')])
    printed = capsys.readouterr().out
    assert '403 tensors' in printed
    assert '58 of the discriminator' in printed
    assert 'left out: 14 SMPL buffers, epoch' in printed
    converted = torch.load(tmp_path / 'new' / 'ours.pth', weights_only=True)
    assert not any('smpl' in key for key in converted['state_dict'])
    assert converted['state_dict']['backbone.bn1.num_batches_tracked'] == 7


def test_no_tensor_is_left_over_or_missing(tool, reference, networks):
    model = dict(reference['unsup_model'])
    model['regressor.net.neck.weight'] = torch.zeros(1)
    gone = model.pop('regressor.net.head.features.9.bias')
    model[BACKBONE + 'conv1.weight'] = torch.zeros(64, 3, 3, 3)
    with pytest.raises(ValueError, match='unsup_model') as error:
        tool['convert'](dict(reference, unsup_model=model), networks)
    for part in ('left over: regressor.net.neck.weight',
                 'missing: regressor.net.head.features.9.bias',
                 r'conv1.weight has shape (64, 3, 3, 3), expected '
                 '(64, 3, 7, 7)'):
        assert part in str(error.value)
    assert gone.shape == (1152, )
    disc = dict(reference['unsup_disc'])
    del disc['smpl_discriminator.header.layer2.bias']
    with pytest.raises(ValueError, match=r'unsup_disc.*\n.*layer2\.bias'):
        tool['convert'](dict(reference, unsup_disc=disc), networks)
    # DataParallel's prefix is no harm.
    wrapped = {f'module.{k}': v for k, v in reference['unsup_disc'].items()}
    tool['convert'](dict(reference, unsup_disc=wrapped), networks)


def test_other_files_are_refused(tool, tmp_path):
    load = tool['load_reference']
    with pytest.raises(FileNotFoundError, match=r'nothing\.pth\.tar'):
        load(tmp_path / 'nothing.pth.tar')
    path = tmp_path / 'theirs.pth.tar'
    for content, match in ((dict(unsup_model=Path()), 'could run code'),
                           ([1], 'holds a list')):
        torch.save(content, path)
        with pytest.raises(ValueError, match=rf'theirs\.pth\.tar.*{match}'):
            load(path)
    path.write_bytes(b'words')
    with pytest.raises(ValueError, match='was not loaded'):
        load(path)
    with pytest.raises(ValueError, match="no 'unsup_model' but"):
        tool['convert'](dict(state_dict={}), None)


def test_a_config_without_the_networks_is_refused(tool):
    config = Config.fromfile(ROOT / 'configs' / 'xas_h36m_s1.py')
    with pytest.raises(ValueError, match=r'xas_h36m_s1\.py needs.*Hook'):
        tool['build_networks'](config)


def test_a_discriminator_without_code_is_refused(tool, networks):
    blind = networks.discriminator.__class__(
        networks.detector.head.metainfo, code=None)
    with pytest.raises(ValueError, match="code='one_hot'"):
        tool['fold_code']({}, networks._replace(discriminator=blind))
