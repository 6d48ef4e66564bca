"""TIM's operators, cells and fusion network, written a second time as plain functions of (input, weights).

They follow the text of the paper and the authors' published networks, share nothing with the package but the names
of the tensors, and read a module's ``state_dict``: ``rb(x, module.state_dict())``.
"""
import torch
import torch.nn.functional as F


def part(weights, prefix):
    """Return the tensors below ``prefix``, named from there."""
    return {name[len(prefix) + 1:]: value for name, value in weights.items() if name.startswith(f'{prefix}.')}


def batch_norm(x, weights):
    shape = (1, -1, 1, 1)
    scaled = (x - weights['running_mean'].view(shape)) / (weights['running_var'].view(shape) + 1e-5).sqrt()
    return scaled * weights['weight'].view(shape) + weights['bias'].view(shape)


def prelu(x, slope):
    return x.clamp(min=0) + slope * x.clamp(max=0)


def same(x, weight, dilation=1, groups=1):
    """Bias-free convolution with zeros around, as many as keep the size."""
    return F.conv2d(x, weight, padding=dilation * (weight.shape[-1] // 2), dilation=dilation, groups=groups)


def depthwise(x, weight, dilation=1):
    return same(x, weight, dilation, groups=x.shape[1])


def reflect(x, weights):
    """3 x 3 convolution with bias and reflection padding."""
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode='reflect'), weights['weight'], weights['bias'])


def rb(x, w):
    y = depthwise(x, w['body.0.weight'])
    y = depthwise(y, w['body.1.weight'], dilation=2)
    y = batch_norm(same(y, w['body.2.weight']), part(w, 'body.3'))
    return prelu(y, w['body.4.weight']) + x


def db(x, w):
    channels, slope = x.shape[1], w['act.weight']
    x1 = prelu(same(x, w['convs.0.weight'], groups=channels), slope)
    x2 = prelu(same(torch.cat([x, x1], 1), w['convs.1.weight'], groups=channels), slope)
    x3 = prelu(same(torch.cat([x, x1, x2], 1), w['convs.2.weight'], groups=channels), slope)
    return 0.333 * x3 + x


def dc(x, w):
    y = depthwise(x.relu(), w['body.1.weight'], dilation=2)
    return batch_norm(same(y, w['body.2.weight']), part(w, 'body.3')) + x


def sc(x, w):
    for first in (0, 4):
        x = depthwise(x.relu(), w[f'body.{first + 1}.weight'])
        x = batch_norm(same(x, w[f'body.{first + 2}.weight']), part(w, f'body.{first + 3}'))
    return x


def ca(x, w):
    means = x.mean(dim=(2, 3))
    taps = w['attention.weight'].flatten()
    half = len(taps) // 2
    padded = F.pad(means, (half, half))
    scale = sum(tap * padded[:, i:i + means.shape[1]] for i, tap in enumerate(taps)).sigmoid()
    return prelu(same(x * scale[:, :, None, None], w['conv.weight']), w['act.weight'])


def sa(x, w):
    pooled = torch.stack([x.max(dim=1).values, x.mean(dim=1)], 1)
    return same(pooled, w['conv.weight']).sigmoid() * x


OPERATORS = dict(rb=rb, db=db, dc=dc, sc=sc, ca=ca, sa=sa)


def operator(name):
    """Return the function of a short name; the kernel shows in the weights."""
    return OPERATORS[name.split('_')[0]]


def preprocess(x, w):
    return batch_norm(same(x.relu(), w['preprocess.1.weight']), part(w, 'preprocess.2'))


def successive(x, w, ops):
    x = preprocess(x, w)
    for j, name in enumerate(ops):
        x = operator(name)(x, part(w, f'ops.{j}'))
    return x


def blur_stride(x):
    """[1 2 1] x [1 2 1] / 16 of every second pixel, the border reflected."""
    x = F.pad(x, (1, 1, 1, 1), mode='reflect')
    x = (x[:, :, :-2:2] + 2 * x[:, :, 1:-1:2] + x[:, :, 2::2]) / 4
    return (x[..., :-2:2] + 2 * x[..., 1:-1:2] + x[..., 2::2]) / 4


def down(x, w):
    main = prelu(same(x, w['main.0.weight']), w['main.1.weight'])
    main = prelu(same(main, w['main.2.weight']), w['main.3.weight'])
    return same(blur_stride(main), w['main.5.weight']) + same(blur_stride(x), w['side.1.weight'])


def up(x, w):
    main = prelu(same(x, w['main.0.weight']), w['main.1.weight'])
    main = F.conv_transpose2d(main, w['main.2.weight'], stride=2, padding=1, output_padding=1)
    main = same(prelu(main, w['main.3.weight']), w['main.4.weight'])
    bilinear = F.interpolate(x, size=[2 * size for size in x.shape[2:]], mode='bilinear', align_corners=False)
    return main + same(bilinear, w['side.1.weight'])


def selective_kernel(inputs, w):
    total = inputs[0] + inputs[1] + inputs[2]
    hidden = prelu(same(total.mean(dim=(2, 3), keepdim=True), w['squeeze.0.weight']), w['squeeze.1.weight'])
    scores = torch.stack([same(hidden, w[f'expand.{i}.weight']) for i in range(3)])
    shares = scores.exp() / scores.exp().sum(0)
    return shares[0] * inputs[0] + shares[1] * inputs[1] + shares[2] * inputs[2]


def multi_scale(x, w, ops):
    height, width = x.shape[2:]
    x = preprocess(F.pad(x, (0, -width % 4, 0, -height % 4), mode='reflect'), w)
    full, half = x, down(x, part(w, 'down2'))
    quarter = down(down(x, part(w, 'down4.0')), part(w, 'down4.1'))
    for j, name in enumerate(ops):
        full, half, quarter = (
            operator(name)(feature, part(w, f'ops.{j}.{scale}')) for scale, feature in enumerate((full, half, quarter))
        )
    half = up(half, part(w, 'up2'))
    quarter = up(up(quarter, part(w, 'up4.0')), part(w, 'up4.1'))
    return (selective_kernel((full, half, quarter), part(w, 'fusion')) + x)[:, :, :height, :width]


def window_mean(x, radius):
    """Mean over the windows cut at the border, by sums over zero padding."""
    ones = torch.ones(x.shape[1], 1, 2 * radius + 1, 2 * radius + 1, dtype=x.dtype)
    total = F.conv2d(x, ones, padding=radius, groups=x.shape[1])
    return total / F.conv2d(torch.ones_like(x), ones, padding=radius, groups=x.shape[1])


def guided_filter(guide, x, radius, eps):
    """He et al., Guided image filtering, algorithm 1."""
    mean_i, mean_p = window_mean(guide, radius), window_mean(x, radius)
    var_i = window_mean(guide * guide, radius) - mean_i * mean_i
    cov_ip = window_mean(guide * x, radius) - mean_i * mean_p
    a = cov_ip / (var_i + eps)
    b = mean_p - a * mean_i
    return window_mean(a, radius) * guide + window_mean(b, radius)


def decomposition(x, w, ops):
    guide = (x.max(dim=1).values - x.min(dim=1).values)[:, None]
    low = [guided_filter(guide, x, radius, eps) for radius in (2, 4, 8) for eps in (1e-3, 1e-4)]
    high = [x - version for version in low]
    sides = [same(torch.cat(low, 1), w['reduce_low.weight']), same(torch.cat(high, 1), w['reduce_high.weight'])]
    for j, name in enumerate(ops):
        sides = [operator(name)(side, part(w, f'ops.{j}.{i}')) for i, side in enumerate(sides)]
    x = same(torch.cat(sides, 1), w['merge.weight'])
    y = x
    for i in range(3):
        y = depthwise(y, w[f'enhance.body.{i}.weight'], dilation=2)
    y = batch_norm(same(y, w['enhance.body.3.weight']), part(w, 'enhance.body.4'))
    return prelu(y, w['enhance.body.5.weight']) + x


CELLS = dict(successive=successive, multi_scale=multi_scale, decomposition=decomposition)


def fusion(first, second, w, cells):
    """N_F: ``cells`` are pairs of a cell's type and its two operators."""
    x = torch.cat([first, second], 1)
    x = prelu(reflect(x, part(w, 'stem.0')), w['stem.1.weight'])
    x = prelu(reflect(x, part(w, 'stem.2')), w['stem.3.weight'])
    for i, (kind, ops) in enumerate(cells):
        x = CELLS[kind](x, part(w, f'cells.{i}'), ops)
    x = prelu(reflect(x, part(w, 'head.0')), w['head.1.weight'])
    x = reflect(x, part(w, 'head.2'))
    return F.conv2d(x, w['head.3.weight'], w['head.3.bias'])
