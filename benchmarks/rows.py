"""Rows of tables: what a row changes in a config that many rows share, as options of --cfg-options."""

_DARK = ['model.scene._delete_=True', 'model.scene.type=FixedFusion', 'model.scene.rule=visible',
         'default_hooks.guidance.scene=0', 'default_hooks.guidance.last=task']
_END_TO_END = ['default_hooks.guidance.scene=0']
_STOCK = ['model.task.neck.genotype=ruas-ssd-stock#neck', 'model.task.bbox_head.genotype=ruas-ssd-stock#bbox_head']
_RESNET = {f'r{depth}': ['model.task.backbone._delete_=True', 'model.task.backbone.type=ResNet',
                         f'model.task.backbone.depth={depth}', 'model.task.backbone.norm_eval=False',
                         'model.task.bbox_head.in_channels=(256,512,1024,2048,512,256)']
           for depth in (50, 101, 152)}

RUAS_ROWS: dict[str, list[str]] = {
    'ruas': [],
    'end-to-end': _END_TO_END,
    'end-to-end-scene': [*_END_TO_END, 'model.eta=1.0'],
    'plain': _DARK,
    'enhanced': ['default_hooks.guidance.last=task'],
    'stock': [*_DARK, *_STOCK],
    'stock-scene': [*_END_TO_END, *_STOCK],
    'stock-enhanced': ['default_hooks.guidance.last=task', *_STOCK],
    **{name: [*_END_TO_END, *backbone] for name, backbone in _RESNET.items()},
    **{f'stock-{name}': [*_DARK, *_STOCK, *backbone] for name, backbone in _RESNET.items()},
    # Of the enhancement alone.
    'joint': ['default_hooks.guidance.scene=5', 'default_hooks.guidance.task=5', 'default_hooks.guidance.last=joint'],
}
"""RUAS by row. ``ruas`` is the config as it is. ``plain`` is its task network on the dark pictures themselves,
``enhanced`` behind a scene module that stays as it was trained without labels; ``stock`` and ``stock-...`` have 3 x 3
convolutions in the place of the searched ones."""
