"""The guided filter, against loops over the windows."""
import pytest
import torch

from mmfusenas.models.utils.guided_filter import box_mean, guided_filter


def windows(shape, radius):
    height, width = shape
    for i in range(height):
        for j in range(width):
            yield (i, j), (slice(max(i - radius, 0), i + radius + 1), slice(max(j - radius, 0), j + radius + 1))


def filter_by_loops(guide, x, radius, eps):
    """He et al., equations 5, 6 and 8: a line fitted in each window, the lines averaged over the windows of a pixel."""
    slope, offset, out = (torch.zeros_like(x) for _ in range(3))
    for at, window in windows(x.shape, radius):
        i, p = guide[window], x[window]
        slope[at] = ((i * p).mean() - i.mean() * p.mean()) / (i.var(unbiased=False) + eps)
        offset[at] = p.mean() - slope[at] * i.mean()
    for at, window in windows(x.shape, radius):
        out[at] = slope[window].mean() * guide[at] + offset[window].mean()
    return out


@pytest.mark.parametrize('radius', [2, 4, 8])
@pytest.mark.parametrize('eps', [1e-3, 1e-4])
def test_values_are_those_of_loops(radius, eps):
    generator = torch.Generator().manual_seed(0)
    guide = torch.rand(1, 1, 11, 13, dtype=torch.float64, generator=generator)
    x = torch.rand(1, 2, 11, 13, dtype=torch.float64, generator=generator)
    out = guided_filter(guide, x, radius, eps)
    for channel in range(2):
        expected = filter_by_loops(guide[0, 0], x[0, channel], radius, eps)
        torch.testing.assert_close(out[0, channel], expected, atol=1e-10, rtol=0)


def test_box_mean_counts_only_what_lies_inside():
    x = torch.arange(12.0).view(1, 1, 3, 4)
    mean = box_mean(x, 1)
    assert mean[0, 0, 0, 0].item() == pytest.approx((0 + 1 + 4 + 5) / 4)
    assert mean[0, 0, 1, 1].item() == pytest.approx(x[0, 0, :, :3].mean().item())
    torch.testing.assert_close(box_mean(torch.ones(1, 1, 3, 4), 8), torch.ones(1, 1, 3, 4))


def test_edge_is_kept_and_texture_is_smoothed():
    guide = torch.zeros(1, 1, 20, 20, dtype=torch.float64)
    guide[..., 10:] = 1
    texture = 0.02 * torch.rand(guide.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    out = guided_filter(guide, guide + texture, 2, 1e-4)
    assert (out[..., 10] - out[..., 9]).min() > 0.98
    assert out[..., :8].std() < 0.5 * texture[..., :8].std()


def test_features_are_filtered_in_full_precision_under_autocast():
    x, guide = 3 * torch.rand(1, 4, 20, 24), 3 * torch.rand(1, 1, 20, 24)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = guided_filter(guide.bfloat16(), x.bfloat16(), 2, 1e-4)
    full = guided_filter(guide.bfloat16().float(), x.bfloat16().float(), 2, 1e-4)
    torch.testing.assert_close(half.float(), full, rtol=0, atol=1e-5)


def test_gradient_against_finite_differences():
    guide, x = torch.rand(2, 1, 1, 6, 7, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda g, p: guided_filter(g, p, 2, 1e-3), (guide.requires_grad_(), x.requires_grad_())
    )
