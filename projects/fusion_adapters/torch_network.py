"""A torch module with a file of weights as a fusion method."""
from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from mmfusenas.utils.checkpoint import extract_weights, load_checkpoint


class WeighingNet(nn.Module):
    """A network as an author may publish it: RGB and infrared in [0, 255] to a fused luma in [0, 255].

    Features of both images make a weight of the visible luma at each pixel.

    Args:
        channels: Of the hidden layer.
    """

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.features = nn.Conv2d(2, channels, 5, padding=2, padding_mode='reflect')
        self.weight = nn.Conv2d(channels, 1, 1)

    def forward(self, rgb: Tensor, infrared: Tensor) -> Tensor:
        luma = (rgb * rgb.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
        both = torch.cat([luma, infrared], 1)
        weight = self.weight(self.features(both / 255).abs()).sigmoid()
        return weight * luma + (1 - weight) * infrared


class WeighingFusion:
    """The adapter: from the arrays of the tool to what the network takes, and back.

    Args:
        weights: File of its weights, which is read without running code from it.
    """

    def __init__(self, weights: str) -> None:
        self.net = WeighingNet()
        self.net.load_state_dict(extract_weights(load_checkpoint(weights), weights))
        self.net.eval()

    @torch.inference_mode()
    def __call__(self, visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
        """Return the fused luma, uint8 H x W, of a visible image H x W x 3 (BGR) and an infrared one H x W."""
        rgb = torch.from_numpy(cv2.cvtColor(visible, cv2.COLOR_BGR2RGB)).permute(2, 0, 1)[None].float()
        fused = self.net(rgb, torch.from_numpy(infrared)[None, None].float())
        return fused[0, 0].round().clamp(0, 255).byte().numpy()


def local_contrast_weights() -> dict[str, Tensor]:
    """Return weights of a :class:`WeighingNet` that are set by hand: the image of the stronger local contrast counts.

    Nothing is trained. A channel of each image is the difference of a pixel to the mean of its window of 5 x 5, and the
    weight of the visible luma is the sigmoid of 40 times the difference of their absolute values.
    """
    state = {name: torch.zeros_like(value) for name, value in WeighingNet().state_dict().items()}
    contrast = torch.full((5, 5), -1 / 25)
    contrast[2, 2] += 1
    for sensor, sign in ((0, 1), (1, -1)):
        state['features.weight'][sensor, sensor] = contrast
        state['weight.weight'][0, sensor] = 40.0 * sign
    return state
