"""Every published network of TIM, composed by hand in the authors' names, against ours with converted weights."""
import json
import math
import sys

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict

from mmfusenas.apis import load_model
from mmfusenas.registry import MODELS
from mmfusenas.utils.checkpoint import load_checkpoint

C = 48
# Two operators of every cell: (cells2, cells3) of N_T, and whether a map blends its branches.
ENHANCEMENT = dict(
    enh=(('sa_3', 'dc_3'), ('ca_3', 'sa_3'), True), ct=(('rb_5', 'rb_5'), ('rb_5', 'sa_3'), False),
    pet=(('sc_3', 'rb_5'), ('rb_3', 'rb_5'), False), spect=(('rb_5', 'db_3'), ('rb_3', 'sa_3'), False))
PARAMETERS = dict(full=994917, enh=237308, ct=235059, pet=244815, spect=230643)


class Net:
    """A network in the authors' names that makes its random weights as it runs for the first time."""

    def __init__(self, name):
        self.name, self.weights = name, {}
        self.generator = torch.Generator().manual_seed(0)

    def get(self, name, *shape, scale=None, low=None):
        if name not in self.weights:
            value = torch.randn(shape, generator=self.generator) * (scale or math.prod(shape[1:]) ** -0.5)
            self.weights[name] = value if low is None else value.abs() + low
        return self.weights[name]

    def conv(self, x, name, out, kernel, **kwargs):
        width = x.shape[1] // kwargs.get('groups', 1)
        return F.conv2d(x, self.get(f'{name}.weight', out, width, kernel, kernel), **kwargs)

    def reflect(self, x, name, out, kernel=3):
        weight = self.get(f'{name}.conv2d.weight', out, x.shape[1], kernel, kernel)
        bias = self.get(f'{name}.conv2d.bias', out, scale=0.1)
        return F.conv2d(F.pad(x, (kernel // 2,) * 4, mode='reflect'), weight, bias)

    def prelu(self, x, name):
        return F.prelu(x, self.get(f'{name}.weight', 1, scale=0.2))

    def norm(self, x, name):
        width = x.shape[1]
        weight, bias, mean = (self.get(f'{name}.{key}', width, scale=0.3) for key in ('weight', 'bias', 'running_mean'))
        var = self.get(f'{name}.running_var', width, scale=0.3, low=0.5)
        self.weights[f'{name}.num_batches_tracked'] = torch.tensor(7)
        return F.batch_norm(x, mean, var, weight, bias)

    def op(self, x, kind, p):
        """One of the six operators of the specification."""
        (kind, k), width = kind.split('_'), x.shape[1]
        k = int(k)
        if kind == 'rb':
            y = self.conv(x, f'{p}.op.0.conv', width, k, padding=k // 2, groups=width)
            y = self.conv(y, f'{p}.op.1', width, 3, padding=2, dilation=2, groups=width)
            return self.prelu(self.norm(self.conv(y, f'{p}.op.2', width, 1), f'{p}.op.3'), f'{p}.op.4') + x
        if kind == 'dc':
            y = self.conv(x.relu(), f'{p}.op.1.conv', width, k, padding=k // 2 * 2, dilation=2, groups=width)
            return self.norm(self.conv(y, f'{p}.op.2', width, 1), f'{p}.op.3') + x
        if kind == 'sc':
            for place in (1, 5):
                y = self.conv(x.relu(), f'{p}.op.{place}', width, k, padding=k // 2, groups=width)
                x = self.norm(self.conv(y, f'{p}.op.{place + 1}', width, 1), f'{p}.op.{place + 2}')
            return x
        if kind == 'db':
            features = [x]
            for i in (1, 2, 3):
                y = self.conv(torch.cat(features, 1), f'{p}.conv{i}.conv', width, k, padding=k // 2, groups=width)
                features.append(self.prelu(y, f'{p}.lrelu'))
            return 0.333 * features[-1] + x
        if kind == 'ca':
            taps = self.get(f'{p}.se.conv.weight', 1, 1, k)
            scale = F.conv1d(x.mean((2, 3))[:, None], taps, padding=k // 2).sigmoid()[:, 0, :, None, None]
            return self.prelu(self.conv(x * scale, f'{p}.conv1', width, 3, padding=1), f'{p}.relu')
        pooled = torch.cat([x.max(1, keepdim=True)[0], x.mean(1, keepdim=True)], 1)
        return x * self.conv(pooled, f'{p}.se.spatial.conv', 1, k, padding=k // 2).sigmoid()

    def preprocess(self, x, p):
        return self.norm(self.conv(x.relu(), f'{p}.preprocess1.op.1', x.shape[1], 1), f'{p}.preprocess1.op.2')

    def successive(self, x, p, ops):
        x = self.preprocess(x, p)
        for i, kind in enumerate(ops):
            x = self.op(x, kind, f'{p}._ops.{i}._op')
        return x

    def stride(self, x, name):
        taps = torch.tensor([1.0, 2.0, 1.0])
        kernel = (taps[:, None] * taps / 16).expand(x.shape[1], 1, 3, 3).contiguous()
        self.weights[f'{name}.filt'] = kernel
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode='reflect'), kernel, stride=2, groups=x.shape[1])

    def down(self, x, p):
        width = x.shape[1]
        y = self.prelu(self.conv(x, f'{p}.top.0', width, 1), f'{p}.top.1')
        y = self.prelu(self.conv(y, f'{p}.top.2', width, 3, padding=1), f'{p}.top.3')
        y = self.conv(self.stride(y, f'{p}.top.4'), f'{p}.top.5', 2 * width, 1)
        return y + self.conv(self.stride(x, f'{p}.bot.0'), f'{p}.bot.1', 2 * width, 1)

    def up(self, x, p):
        width = x.shape[1]
        y = self.prelu(self.conv(x, f'{p}.top.0', width, 1), f'{p}.top.1')
        kernel = self.get(f'{p}.top.2.weight', width, width, 3, 3)
        y = self.prelu(F.conv_transpose2d(y, kernel, stride=2, padding=1, output_padding=1), f'{p}.top.3')
        larger = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
        return self.conv(y, f'{p}.top.4', width // 2, 1) + self.conv(larger, f'{p}.bot.1', width // 2, 1)

    def multi_scale(self, x, p, ops):
        height, width = x.shape[2:]
        x = self.preprocess(F.pad(x, (0, -width % 4, 0, -height % 4), mode='reflect'), p)
        scales = [x, self.down(x, f'{p}.down_2.body.0'),
                  self.down(self.down(x, f'{p}.down_4.body.0'), f'{p}.down_4.body.1')]
        for i, kind in enumerate(ops):
            scales = [self.op(y, kind, f'{p}._ops{suffix}.{i}._op') for y, suffix in zip(scales, ('', '_1', '_2'))]
        scales[1] = self.up(scales[1], f'{p}.upsample_2.body.0')
        scales[2] = self.up(self.up(scales[2], f'{p}.upsample_4.body.0'), f'{p}.upsample_4.body.1')
        y = self.conv(sum(scales).mean((2, 3), keepdim=True), f'{p}.SKFF.conv_du.0', 6, 1)
        y = self.prelu(y, f'{p}.SKFF.conv_du.1')
        weights = torch.stack([self.conv(y, f'{p}.SKFF.fcs.{i}', C, 1) for i in range(3)]).softmax(0)
        out = sum(weight * scale for weight, scale in zip(weights, scales)) + x
        return out[..., :height, :width]

    def head(self, x, p):
        x = self.prelu(self.reflect(x, f'{p}.0', C), f'{p}.1')
        return self.reflect(self.reflect(x, f'{p}.2', C // 2), f'{p}.3', 1, kernel=1)

    def fusion(self, first, second):
        """N_F `full`."""
        x = self.prelu(self.reflect(torch.cat([first, second], 1), 'stem.0', 2 * C), 'stem.1')
        x = self.prelu(self.reflect(x, 'stem.2', C), 'stem.3')
        x = self.multi_scale(x, 'cells.0', ('rb_3', 'dc_3'))
        return self.head(self.successive(x, 'cells.1', ('db_3', 'dc_3')), 'stem_out')

    def enhance(self, first, second, fused):
        """N_T: A is number 2 of the stems and 3 of the cells."""
        ops_b, ops_a, blends = ENHANCEMENT[self.name]
        features = []
        for source, stem, cells, ops in ((first, 'stem2', 'cells3', ops_a), (second, 'stem3', 'cells2', ops_b)):
            x = self.prelu(self.reflect(torch.cat([source, fused], 1), f'{stem}.0', 2 * C), f'{stem}.1')
            x = self.prelu(self.norm(self.reflect(x, f'{stem}.2', C), f'{stem}.3'), f'{stem}.4')
            for i in range(2):
                x = self.successive(x, f'{cells}.{i}', ops)
            features.append(x)
        a, b = features
        images = dict(detail=self.head(a, 'stem_out2').tanh(), target=self.head(b, 'stem_out3').tanh())
        if blends:
            high = a.max(1, keepdim=True)[0]
            m = self.conv(torch.cat([high, high, a.mean(1, keepdim=True)], 1), 'spa.spatial.conv', 1, 1).sigmoid()
            x = m * a + (1 - m) * b
        else:
            x = torch.cat([a, b], 1)
        x = self.reflect(self.reflect(x, 'stem_out4.0', C), 'stem_out4.1', C // 2)
        x = self.reflect(x, 'stem_out4.2', 1, kernel=1)
        return dict(images, enhanced=x if blends else x.tanh())


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('model_converters/tim')


def composed(name):
    """Return a network, its inputs, and what the composition gives."""
    net = Net(name)
    inputs = torch.rand(2 if name == 'full' else 3, 1, 1, 33, 42, generator=torch.Generator().manual_seed(1))
    return net, inputs, net.fusion(*inputs) if name == 'full' else net.enhance(*inputs)


@pytest.mark.parametrize('name', PARAMETERS)
def test_converted_weights_give_what_the_specification_says(tool, name, tmp_path, monkeypatch, capsys):
    net, inputs, expected = composed(name)
    source, out = tmp_path / 'source.pth', tmp_path / 'out.pth'
    torch.save(net.weights, source)
    monkeypatch.setattr(sys, 'argv', ['tim.py', str(source), str(out), '--network', name])
    tool.run_tool(tool.main)
    assert f'{len(net.weights)} tensors, {PARAMETERS[name]} parameters' in capsys.readouterr().out
    checkpoint = load_checkpoint(out)
    model = MODELS.build(ConfigDict(json.loads(checkpoint['meta']['model_cfg'])))
    model.load_state_dict(checkpoint['state_dict'], strict=True)
    model.eval()
    with torch.no_grad():
        if name == 'full':  # published as full(infrared, visible)
            got, expected = dict(fused=model.fuse(*reversed(inputs))), dict(fused=expected)
        else:
            got = model(*inputs)
    assert set(got) == set(expected)
    for key, value in expected.items():
        assert value.std() > 1e-3
        torch.testing.assert_close(got[key], value, atol=1e-5, rtol=0, msg=lambda text, key=key: f'{key}: {text}')


@pytest.mark.parametrize('name', ['enh', 'pet'])
def test_both_networks_in_one_checkpoint(tool, name, tmp_path, monkeypatch, capsys):
    full, net, pair = Net('full'), Net(name), torch.rand(2, 1, 1, 33, 42)
    first, second = pair if name == 'enh' else pair.flip(0)
    expected = net.enhance(first, second, full.fusion(*pair.flip(0)))['enhanced']
    torch.save(full.weights, tmp_path / 'full.pth')
    torch.save(net.weights, tmp_path / 'source.pth')
    monkeypatch.setattr(sys, 'argv', ['tim.py', str(tmp_path / 'source.pth'), str(tmp_path / 'out.pth'), '--network',
                                      name, '--fusion', str(tmp_path / 'full.pth')])
    tool.run_tool(tool.main)
    assert f'{PARAMETERS["full"] + PARAMETERS[name]} parameters' in capsys.readouterr().out
    with torch.no_grad():
        got = load_model(tmp_path / 'out.pth').fuse(*pair)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize('name', PARAMETERS)
def test_names_and_shapes_are_the_published_ones(shared, name):
    keys = json.loads((shared / 'reference/tim/official_state_keys.json').read_text())[name]
    net, _, _ = composed(name)
    assert {key: list(value.shape) for key, value in net.weights.items()} == dict(keys)
