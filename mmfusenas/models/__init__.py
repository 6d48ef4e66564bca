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
    task_modules,
)

__all__ = [
    'backbones', 'cells', 'classifiers', 'data_preprocessors', 'decode_heads', 'dense_heads', 'detectors', 'losses',
    'necks', 'ops', 'physics', 'restorers', 'scene', 'segmentors', 'task_modules',
]
