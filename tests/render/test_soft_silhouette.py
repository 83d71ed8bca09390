"""The soft silhouette: closed forms, gradients, and pytorch3d's."""
from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from xas_mmpose.render.soft_silhouette import soft_silhouette

SQUARE = torch.tensor([[0, 1, 2], [0, 2, 3]])


def square(left: float, top: float, right: float, bottom: float,
           depth: float = 2.0) -> Tensor:
    """Return the corners (1, 4, 3) of a rectangle."""
    return torch.tensor([[(left, top, depth), (right, top, depth),
                          (right, bottom, depth), (left, bottom, depth)]],
                        dtype=torch.float64)


def by_definition(vertices: Tensor, faces: Tensor, height: int, width: int,
                  sigma: float) -> Tensor:
    """Return the silhouette (N, H, W), every face at every pixel."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width),
                          indexing='ij')
    point = torch.stack([x, y], -1).to(vertices)
    covered = []
    for corners in vertices[:, faces][..., :2]:
        empty = 1.0
        for face in corners:
            distances, turns = [], []
            for a, b in zip(face, face.roll(-1, 0)):
                share = ((point - a) @ (b - a) / ((b - a) @ (b - a)))
                nearest = a + share.clamp(0, 1)[..., None] * (b - a)
                distances.append((point - nearest).square().sum(-1))
                turns.append((b - a)[0] * (point - a)[..., 1]
                             - (b - a)[1] * (point - a)[..., 0])
            distance = torch.stack(distances).amin(0)
            turns = torch.stack(turns)
            inside = (turns >= 0).all(0) | (turns <= 0).all(0)
            signed = torch.where(inside, -distance, distance)
            share = torch.sigmoid(-signed / sigma)
            empty = empty * (1 - torch.where(
                (share > 1e-4) | inside, share, torch.zeros(())))
        covered.append(1 - empty)
    return torch.stack(covered)


def test_the_fall_off_across_an_edge() -> None:
    # One big face whose edge is the column 4.
    corners = torch.tensor([[(-900.0, -900, 1), (4, -900, 1), (4, 900, 1),
                             (-900, 900, 1)]], dtype=torch.float64)
    faces = torch.tensor([[0, 1, 2]])
    alpha = soft_silhouette(corners, faces, 3, 9, sigma=2.0)[0, 1]
    x = torch.arange(9.0, dtype=torch.float64)
    signed = (x - 4).abs() * (x - 4)
    expected = torch.sigmoid(-signed / 2)
    expected[expected < 1e-4] = 0
    # The diagonal is far away.
    torch.testing.assert_close(alpha, expected)
    assert alpha[4] == 0.5
    assert alpha[8] > 0
    assert soft_silhouette(corners, faces, 3, 9, sigma=1.7)[0, 1, 8] == 0


def test_values_and_gradients_are_those_of_the_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    vertices = torch.rand(2, 9, 3, generator=generator, dtype=torch.float64)
    vertices = vertices * torch.tensor([16.0, 13.0, 1.0]) - 2
    vertices[..., 2] = 1
    faces = torch.randint(0, 9, (7, 3), generator=generator)
    faces = faces[(faces != faces.roll(1, 1)).all(1)]
    assert len(faces) >= 4
    weight = torch.rand(2, 9, 12, generator=generator, dtype=torch.float64)
    results = []
    for render in (by_definition, soft_silhouette):
        points = vertices.clone().requires_grad_()
        alpha = render(points, faces, 9, 12, 0.8)
        (alpha * weight).sum().backward()
        results.append((alpha.detach(), points.grad))
    assert 0.2 < results[0][0].mean() < 0.9
    assert results[0][1].abs().max() > 0.1
    for a, b in zip(*results):
        torch.testing.assert_close(a, b)


def test_gradients_are_those_of_finite_differences() -> None:
    vertices = torch.tensor(
        [[(1.3, 0.9, 2), (5.2, 1.1, 3), (2.7, 4.8, 2.5), (6.3, 5.1, 2.1)]],
        dtype=torch.float64, requires_grad=True)
    faces = torch.tensor([[0, 1, 2], [1, 3, 2]])
    assert torch.autograd.gradcheck(
        lambda v: soft_silhouette(v, faces, 7, 8, 1.3), vertices)


def test_a_mask_pulls_a_square_into_place() -> None:
    target = soft_silhouette(square(6, 7, 14, 15), SQUARE, 24, 24, 1.0)
    vertices = square(3, 9, 10, 18)
    shift = torch.zeros(1, 4, 3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([shift], lr=0.2)
    losses = []
    for _ in range(120):
        alpha = soft_silhouette(vertices + shift, SQUARE, 24, 24, 1.0)
        losses.append((alpha - target).square().mean())
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[0] > 0.05
    assert losses[-1] < 1e-3
    moved = (vertices + shift.detach())[..., :2]
    assert (moved - square(6, 7, 14, 15)[..., :2]).abs().max() < 0.3


def test_faces_behind_the_camera_are_left_out() -> None:
    points = square(2, 2, 8, 8)
    whole = soft_silhouette(points, SQUARE, 10, 10, 0.5)
    assert whole.max() > 0.9
    behind = points.clone()
    behind[..., 2] = -1
    behind.requires_grad_()
    alpha = soft_silhouette(behind, SQUARE, 10, 10, 0.5)
    assert (alpha == 0).all()
    alpha.sum().backward()
    assert (behind.grad == 0).all()
    # One corner behind takes its face along, and no other.
    points[0, 3, 2] = -1
    alpha = soft_silhouette(points, SQUARE, 10, 10, 0.5)
    torch.testing.assert_close(
        alpha, soft_silhouette(points, SQUARE[:1], 10, 10, 0.5))
    assert (soft_silhouette(square(2, 2, 8, 8, 0.4), SQUARE, 10, 10, 0.5,
                            near=0.5) == 0).all()


def test_what_cannot_be_seen_leaves_nothing_and_no_nan() -> None:
    points = square(2, 2, 8, 8)
    points[0, 3] = float('nan')
    points.requires_grad_()
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [1, 1, 2]])
    alpha = soft_silhouette(points, faces, 10, 10, 0.5)
    torch.testing.assert_close(
        alpha, soft_silhouette(square(2, 2, 8, 8), faces[:1], 10, 10, 0.5))
    alpha.sum().backward()
    assert points.grad.isfinite().all()
    empty = soft_silhouette(points, faces[:0], 3, 4, 0.5)
    assert empty.shape == (1, 3, 4)
    assert (empty == 0).all()
    far = soft_silhouette(square(200, 2, 208, 8), SQUARE, 10, 10, 0.5)
    assert (far == 0).all()


def test_chunks_and_images_do_not_mix() -> None:
    vertices = torch.cat([square(1, 1, 6, 5), square(3, 2, 9, 9)])
    weight = torch.rand(2, 10, 11, dtype=torch.float64,
                        generator=torch.Generator().manual_seed(0))

    def both(points: Tensor, part: Tensor, **kwargs: int
             ) -> tuple[Tensor, Tensor]:
        points = points.clone().requires_grad_()
        alpha = soft_silhouette(points, SQUARE, 10, 11, 0.9, **kwargs)
        (alpha * part).sum().backward()
        return alpha, points.grad

    whole = both(vertices, weight)
    for chunk_size in (1, 70, 150):
        for a, b in zip(whole, both(vertices, weight,
                                    chunk_size=chunk_size)):
            torch.testing.assert_close(a, b)
    for i in range(2):
        for a, b in zip(whole, both(vertices[i:i + 1], weight[i:i + 1])):
            torch.testing.assert_close(a[i:i + 1], b)


def test_half_precision_is_computed_in_single() -> None:
    points = square(1, 1, 6, 5)
    alpha = soft_silhouette(points.half(), SQUARE, 8, 8, 0.9)
    assert alpha.dtype == torch.float32
    torch.testing.assert_close(
        alpha, soft_silhouette(points.float(), SQUARE, 8, 8, 0.9))


@pytest.mark.parametrize('perspective', [False, True])
def test_a_coarse_mesh_agrees_with_pytorch3d(perspective: bool) -> None:
    pytest.importorskip('pytorch3d')
    from pytorch3d.renderer import BlendParams
    from pytorch3d.renderer.blending import sigmoid_alpha_blend
    from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
    from pytorch3d.renderer.mesh.rasterizer import Fragments
    from pytorch3d.structures import Meshes
    from pytorch3d.utils import ico_sphere
    height, width, sigma = 48, 40, 1e-3
    half = min(height, width) / 2
    ball = ico_sphere(2)
    faces = ball.faces_packed()
    points = ball.verts_packed() * torch.tensor([0.5, 0.8, 0.6])
    points = torch.stack([points, points.roll(1, 1)]) + torch.tensor(
        [0.1, -0.07, 2.5])
    ndc = torch.cat([1.9 * points[..., :2] / points[..., 2:],
                     points[..., 2:]], -1)
    target = torch.zeros(2, height, width)
    target[:, 10:40, 12:30] = 1

    def theirs(vertices: Tensor) -> Tensor:
        fragments = Fragments(*rasterize_meshes(
            Meshes(vertices, faces.expand(2, -1, -1)), (height, width),
            blur_radius=math.log(1 / 1e-4 - 1) * sigma,
            faces_per_pixel=120, bin_size=0,
            perspective_correct=perspective,
            clip_barycentric_coords=True))  # as MeshRasterizer does
        assert (fragments.pix_to_face[..., -1] == -1).all()  # all faces fit
        return sigmoid_alpha_blend(
            torch.ones(*fragments.pix_to_face.shape, 3), fragments,
            BlendParams(sigma=sigma))[..., 3]

    def ours(vertices: Tensor) -> Tensor:
        screen = torch.stack([(width - 1) / 2 - vertices[..., 0] * half,
                              (height - 1) / 2 - vertices[..., 1] * half,
                              vertices[..., 2]], -1)
        return soft_silhouette(screen, faces, height, width, sigma * half**2)

    results = []
    for render in (theirs, ours):
        vertices = ndc.clone().requires_grad_()
        alpha = render(vertices)
        (alpha - target).square().mean().backward()
        results.append((alpha.detach(), vertices.grad[..., :2]))
    (their_alpha, their_grad), (our_alpha, our_grad) = results
    assert 0.1 < their_alpha.mean() < 0.5
    assert ((their_alpha > 0.01) & (their_alpha < 0.99)).sum() > 200
    assert (our_alpha - their_alpha).abs().max() < 1e-4
    cosine = F.cosine_similarity(our_grad.flatten(), their_grad.flatten(), 0)
    assert cosine > 0.99999
    scale = their_grad.abs().max()
    assert (our_grad - their_grad).abs().max() < 1e-3 * scale


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs CUDA')
def test_cuda_gives_the_same() -> None:
    results = []
    for device in ('cpu', 'cuda'):
        points = square(1, 1, 6, 5).to(device).requires_grad_()
        alpha = soft_silhouette(points, SQUARE.to(device), 8, 9, 0.9)
        alpha.square().sum().backward()
        results.append((alpha.detach().cpu(), points.grad.cpu()))
    for a, b in zip(*results):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize('vertices, faces, sigma, said', [
    (torch.zeros(4, 3), SQUARE, 1.0, r'vertices must be \(N, V, 3\)'),
    (torch.zeros(1, 4, 2), SQUARE, 1.0, r'vertices must be \(N, V, 3\)'),
    (torch.zeros(1, 4, 3), SQUARE[0], 1.0, r'faces must be \(F, 3\)'),
    (torch.zeros(1, 4, 3), SQUARE, 0.0, 'must be positive'),
])
def test_bad_input_is_named(vertices: Tensor, faces: Tensor, sigma: float,
                            said: str) -> None:
    with pytest.raises(ValueError, match=said):
        soft_silhouette(vertices, faces, 4, 4, sigma)
