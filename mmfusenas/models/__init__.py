from mmfusenas.models import backbones, cells, data_preprocessors, detectors, losses, necks, ops, scene

__all__ = ['backbones', 'cells', 'data_preprocessors', 'detectors', 'losses', 'necks', 'ops', 'scene']
