import mmfusenas.utils.checkpoint  # noqa: F401, so that init_cfg knows mmfusenas://
from mmfusenas.models import (
    backbones,
    cells,
    classifiers,
    data_preprocessors,
    decode_heads,
    dense_heads,
    detectors,
    losses,
    necks,
    ops,
    physics,
    restorers,
    scene,
    segmentors,
)

__all__ = [
    'backbones', 'cells', 'classifiers', 'data_preprocessors', 'decode_heads', 'dense_heads', 'detectors', 'losses',
    'necks', 'ops', 'physics', 'restorers', 'scene', 'segmentors',
]
