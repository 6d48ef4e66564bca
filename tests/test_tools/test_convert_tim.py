"""The converter of the authors' networks: names, strictness, and the same images out of the converted weights."""
import json
import pickle
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict

from mmfusenas.core.errors import UserError
from mmfusenas.models.scene import TIMFusion
from mmfusenas.registry import MODELS
from mmfusenas.utils.checkpoint import load_checkpoint


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('model_converters/tim')


def norm(prefix, width=48):
    values = dict(weight=torch.rand(width) + 0.5, bias=torch.randn(width) / 5, running_mean=torch.randn(width) / 5,
                  running_var=torch.rand(width) + 0.5, num_batches_tracked=torch.tensor(7))
    return {f'{prefix}.{name}': value for name, value in values.items()}


@pytest.fixture(scope='module')
def light():
    """Weights of ``light`` under the authors' names, from their code."""
    torch.manual_seed(0)
    slope = torch.tensor([0.2])
    weights = {}
    for name, shape in [('stem.0', (96, 2, 3, 3)), ('stem.2', (48, 96, 3, 3)), ('stem_out.0', (48, 48, 3, 3)),
                        ('stem_out.2', (24, 48, 3, 3)), ('stem_out.3', (1, 24, 1, 1))]:
        weights[f'{name}.conv2d.weight'] = torch.randn(shape) / (shape[1] * shape[2] * shape[3]) ** 0.5
        weights[f'{name}.conv2d.bias'] = torch.randn(shape[0]) / 10
    weights |= {f'{name}.weight': slope * factor for factor, name in enumerate(['stem.1', 'stem.3', 'stem_out.1'], 1)}
    for cell in ('cells.0', 'cells.1'):
        rb, ca = f'{cell}._ops.0._op', f'{cell}._ops.1._op'
        weights |= {
            f'{cell}.preprocess1.op.1.weight': torch.randn(48, 48, 1, 1) / 7,
            f'{rb}.op.0.conv.weight': torch.randn(48, 1, 3, 3) / 3, f'{rb}.op.1.weight': torch.randn(48, 1, 3, 3) / 3,
            f'{rb}.op.2.weight': torch.randn(48, 48, 1, 1) / 7, f'{rb}.op.4.weight': slope / 2,
            f'{ca}.conv1.weight': torch.randn(48, 48, 3, 3) / 21, f'{ca}.se.conv.weight': torch.randn(1, 1, 3),
            f'{ca}.relu.weight': slope / 3, **norm(f'{cell}.preprocess1.op.2'), **norm(f'{rb}.op.3'),
        }  # fmt: skip
    return weights


def authors_forward(x, w):
    """``light`` in the authors' names."""

    def reflect(x, name):
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode='reflect'), w[f'{name}.conv2d.weight'], w[f'{name}.conv2d.bias'])

    def norm(x, name):
        return F.batch_norm(x, *(w[f'{name}.{key}'] for key in ('running_mean', 'running_var', 'weight', 'bias')))

    x = F.prelu(reflect(x, 'stem.0'), w['stem.1.weight'])
    x = F.prelu(reflect(x, 'stem.2'), w['stem.3.weight'])
    for cell in ('cells.0', 'cells.1'):
        rb, ca = f'{cell}._ops.0._op', f'{cell}._ops.1._op'
        x = norm(F.conv2d(x.relu(), w[f'{cell}.preprocess1.op.1.weight']), f'{cell}.preprocess1.op.2')
        y = F.conv2d(x, w[f'{rb}.op.0.conv.weight'], padding=1, groups=48)
        y = F.conv2d(y, w[f'{rb}.op.1.weight'], padding=2, dilation=2, groups=48)
        y = norm(F.conv2d(y, w[f'{rb}.op.2.weight']), f'{rb}.op.3')
        x = F.prelu(y, w[f'{rb}.op.4.weight']) + x
        scale = F.conv1d(x.mean((2, 3))[:, None], w[f'{ca}.se.conv.weight'], padding=1).sigmoid()[:, 0, :, None, None]
        x = F.prelu(F.conv2d(x * scale, w[f'{ca}.conv1.weight'], padding=1), w[f'{ca}.relu.weight'])
    x = F.prelu(reflect(x, 'stem_out.0'), w['stem_out.1.weight'])
    return F.conv2d(reflect(x, 'stem_out.2'), w['stem_out.3.conv2d.weight'], w['stem_out.3.conv2d.bias'])


def rebuild(path):
    """Build the network from the checkpoint alone."""
    checkpoint = load_checkpoint(path)
    model = MODELS.build(ConfigDict(json.loads(checkpoint['meta']['model_cfg'])))
    model.load_state_dict(checkpoint['state_dict'], strict=True)
    return model.eval()


def test_light_gives_the_same_image_after_conversion(run_tool, tmp_path, light, capsys):
    source, out = tmp_path / 'source.pth', tmp_path / 'deep' / 'out.pth'
    torch.save(light, source)
    assert run_tool('model_converters/tim', source, out, '--network', 'light') == ''
    assert re.search('next:\n  .*infer.* --model ', capsys.readouterr().out)
    assert [path.name for path in out.parent.iterdir()] == ['out.pth']
    model = rebuild(out)
    visible, infrared = torch.rand(2, 1, 1, 33, 41)
    expected = authors_forward(torch.cat([visible, infrared], 1), light)
    with torch.no_grad():
        torch.testing.assert_close(model.fuse(visible, infrared), expected, atol=1e-5, rtol=0)
    assert expected.std() > 1e-2
    meta = load_checkpoint(out)['meta']
    assert meta['genotype']['choices']['cells.0.successive.ops.1'] == 'ca_3'
    TIMFusion(genotype='tim-light').load_state_dict(load_checkpoint(out)['state_dict'], strict=True)


@pytest.mark.parametrize('wrap', [
    lambda weights: dict(state_dict=weights, epoch=3), lambda weights: {f'module.{k}': v for k, v in weights.items()},
])  # fmt: skip
def test_wrapped_weights_are_unwrapped(tool, light, wrap):
    assert set(tool.extract_weights(wrap(light), 'x.pth')) == set(light)


@pytest.mark.parametrize(('change', 'message'), [
    (lambda w: w.pop('stem.1.weight'), r'1 missing in the file \(stem.1.weight\)'),
    (lambda w: w.update({'extra.weight': torch.zeros(1)}), r'1 unknown to the model \(extra.weight\)'),
    (lambda w: w.update({'stem.0.conv2d.bias': torch.zeros(3)}), r'1 of another shape \(stem.0.bias \(3,\) for'),
    (lambda w: w.update({'stem.0.bias': w['stem.0.conv2d.bias']}), r'2 stand for the same tensor \(stem.0.conv2d.bias'),
])  # fmt: skip
def test_every_tensor_is_used_exactly_once(tool, light, change, message):
    weights = dict(light)
    change(weights)
    with pytest.raises(UserError, match=message):
        tool.convert(weights, TIMFusion(genotype='tim-light').state_dict())


def test_other_network_is_one_clear_line_and_writes_nothing(run_tool, tmp_path, light):
    source, out = tmp_path / 'source.pth', tmp_path / 'out.pth'
    torch.save(light, source)
    message = run_tool('model_converters/tim', source, out, '--network', 'full')
    assert message.startswith('error: The weights do not fit.')
    assert not out.exists()


def test_file_with_code_is_refused(tool, tmp_path):
    source = tmp_path / 'code.pth'
    torch.save(TIMFusion(genotype='tim-light', channels=8), source)
    with pytest.raises(pickle.UnpicklingError, match='code.pth carries code'):
        tool.load_checkpoint(source)


@pytest.mark.parametrize('content', [[1, 2], {}, dict(state_dict={}), dict(weights='abc')])
def test_file_without_weights(tool, content):
    with pytest.raises(ValueError, match='x.pth holds no state dict'):
        tool.extract_weights(content, 'x.pth')


@pytest.mark.parametrize(('network', 'count'), [('light', 49), ('full', 131)])
def test_every_published_name_has_one_place(tool, shared, network, count):
    keys = json.loads((shared / 'reference/tim/official_state_keys.json').read_text())[network]
    weights = {name: torch.rand(shape) for name, shape in keys}
    expected = TIMFusion(genotype=f'tim-{network}').state_dict()
    converted = tool.convert(weights, expected)
    assert len(converted) == count
    assert set(converted) == set(expected)
    if network == 'full':
        pairs = {
            'cells.0._ops_2.1._op.op.1.conv.weight': 'cells.0.ops.1.2.body.1.weight',
            'cells.0._ops.0._op.op.4.weight': 'cells.0.ops.0.0.body.4.weight',
            'cells.0.down_4.body.1.bot.0.filt': 'cells.0.down4.1.side.0.kernel',
            'cells.0.SKFF.fcs.2.weight': 'cells.0.fusion.expand.2.weight',
            'cells.1._ops.0._op.conv3.conv.weight': 'cells.1.ops.0.convs.2.weight',
        }
        for theirs, ours in pairs.items():
            assert torch.equal(converted[ours], weights[theirs].to(converted[ours].dtype))


def test_reference_output_is_reproduced(run_tool, shared, tmp_path):
    out = tmp_path / 'light.pth'
    source = shared / 'reference/tim/light_random.pth'
    assert run_tool('model_converters/tim', source, out, '--network', 'light') == ''
    arrays = np.load(shared / 'reference/tim/light_random_io.npz')
    io = {name: torch.from_numpy(array) for name, array in arrays.items()}
    with torch.no_grad():
        fused = rebuild(out).fuse(io['first'], io['second'])
    torch.testing.assert_close(fused, io['out'], atol=1e-5, rtol=0)


@pytest.mark.parametrize(('network', 'order'), [('light', ('visible', 'infrared')), ('full', ('infrared', 'visible'))])
def test_order_of_the_images_is_that_of_the_published_scripts(tool, network, order):
    assert MODELS.build(tool.NETWORKS[network]).order == order
