"""Parts added to mmfusenas from outside: importing this package registers them."""
from example_project.foreground_retinanet import ForegroundRetinaNet
from example_project.ghost_conv import GhostConv
from example_project.separable_net import SeparableNet

__all__ = ['ForegroundRetinaNet', 'GhostConv', 'SeparableNet']
