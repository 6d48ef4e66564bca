"""An ONNX file with a range and sizes of its own as a fusion method."""
from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from onnxruntime import InferenceSession, SessionOptions
from torch import Tensor, nn

STEP = 16
"""Sides of the network's images are multiples of it."""


class PaddedOnnxFusion:
    """The adapter of a network whose images are in [-1, 1], luma and infrared in one input, of sides in steps of 16.

    What keeps to ``[0, 1]`` and to any size needs no adapter: ``NAME:FILE.onnx``.

    Args:
        file: ONNX file.
    """

    def __init__(self, file: str) -> None:
        options = SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()  # as the other methods have
        self.session = InferenceSession(file, options, providers=['CPUExecutionProvider'])

    def __call__(self, visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
        """Return the fused luma, uint8 H x W, of a visible image H x W x 3 (BGR) and an infrared one H x W."""
        height, width = infrared.shape
        both = np.stack([cv2.cvtColor(visible, cv2.COLOR_BGR2GRAY), infrared]).astype(np.float32) / 127.5 - 1
        both = np.pad(both, ((0, 0), (0, -height % STEP), (0, -width % STEP)), mode='symmetric')
        fused, = self.session.run(None, {self.session.get_inputs()[0].name: both[None]})
        return np.clip(np.rint((fused[0, 0, :height, :width] + 1) * 127.5), 0, 255).astype(np.uint8)


class TwoScaleNet(nn.Module):
    """What the example exports: the mean of both images on a scale of 16 pixels, and the stronger of their details.

    It has no weights. Shape: N x 2 x H x W in [-1, 1], to N x 1 x H x W.
    """

    def forward(self, both: Tensor) -> Tensor:
        base = F.interpolate(F.avg_pool2d(both, STEP), scale_factor=float(STEP), mode='bilinear', align_corners=False)
        first, second = (both - base).split(1, dim=1)
        return base.mean(1, keepdim=True) + torch.where(first.abs() >= second.abs(), first, second)


def write_onnx(file: str) -> None:
    """Write the network as an ONNX file for images of any size in steps of 16."""
    axes = {name: {0: 'images', 2: 'height', 3: 'width'} for name in ('both', 'fused')}
    torch.onnx.export(TwoScaleNet(), (torch.zeros(1, 2, 64, 48),), file, input_names=['both'], output_names=['fused'],
                      dynamic_axes=axes, opset_version=17, dynamo=False)
