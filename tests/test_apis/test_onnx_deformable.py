"""Deformable convolutions of mmcv are those of ONNX, in both runtimes."""
import pytest
import torch
from mmcv.ops import DeformConv2dPack, ModulatedDeformConv2dPack

from mmfusenas.apis.exported_model import open_graph
from mmfusenas.apis.onnx_deformable import OPSET, deformable_convolutions

SIZES = dict(in_channels=4, out_channels=6, kernel_size=(3, 2), stride=(2, 1), padding=(2, 1), dilation=(1, 2))


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize(('kind', 'options'), [
    (DeformConv2dPack, {}), (DeformConv2dPack, dict(groups=2, deform_groups=2)), (ModulatedDeformConv2dPack, {}),
    (ModulatedDeformConv2dPack, dict(groups=2, deform_groups=4)), (ModulatedDeformConv2dPack, dict(bias=False))])
def test_every_argument(kind, options, runtime, tmp_path):
    pytest.importorskip(runtime)
    torch.manual_seed(0)
    layer = kind(**SIZES, **options).eval()
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    x = torch.rand(2, 4, 9, 11)
    with deformable_convolutions(layer), torch.no_grad():
        torch.onnx.export(layer, (x,), str(tmp_path / 'm.onnx'), input_names=['x'], output_names=['y'], dynamo=False,
                          opset_version=OPSET)
    expected = layer(x).detach()
    got = open_graph(str(tmp_path / 'm.onnx'), runtime)(dict(x=x.numpy()))['y']
    torch.testing.assert_close(torch.from_numpy(got), expected, atol=1e-4, rtol=1e-4)


def test_mmcv_writes_its_own_operators_elsewhere():
    from mmcv.ops.deform_conv import DeformConv2dFunction

    symbol = DeformConv2dFunction.symbolic
    with deformable_convolutions(torch.nn.Identity()):
        assert DeformConv2dFunction.symbolic is not symbol
    assert DeformConv2dFunction.symbolic is symbol
