import mmfusenas.utils.checkpoint  # noqa: F401, so that init_cfg knows mmfusenas://
from mmfusenas.models import backbones, cells, data_preprocessors, detectors, losses, necks, ops, scene

__all__ = ['backbones', 'cells', 'data_preprocessors', 'detectors', 'losses', 'necks', 'ops', 'scene']
