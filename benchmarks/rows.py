"""Rows of the papers' tables as options of a config: what ``task_rows.py`` trains beside the system itself."""

TIM_SHORT = ['model.channels=16', 'train_cfg.max_epochs=4', 'train_cfg.val_interval=4']
"""The short training that compares fusion networks: a third of the width, four epochs."""

_NO_GUIDANCE = [  # nothing of the scene trains
    'default_hooks.guidance.scene_length=0', 'default_hooks.guidance.final_stage=task']
_FUSION = ['model._delete_=True', 'model.type=TIMFusion', 'model.loss.type=FusionLoss']


def _fixed(rule: str) -> list[str]:
    return ['model.scene._delete_=True', 'model.scene.type=FixedFusion', f'model.scene.rule={rule}', *_NO_GUIDANCE]


TIM_ROWS: dict[str, list[str]] = {
    **{rule: _fixed(rule) for rule in ('visible', 'infrared', 'average')},
    # Without a network: the detector or segmentor has both sensors, and their mean, as channels.
    'channels': [*_fixed('average'), 'model.sees=channels'],
    # The fusion network, trained with l_F alone, stays as it is.
    'direct': ['default_hooks.guidance.final_stage=task'],
    # It goes on with l_F as in 'ivif', but the task's gradient does not reach it: the control of guidance.
    'separate': ['default_hooks.guidance.final_stage=separate'],
    'ivif': [],
    # The fused luma in the place of the mean.
    'ivif-channels': ['model.sees=channels'],
    'direct-channels': ['model.sees=channels', 'default_hooks.guidance.final_stage=task'],
    # Table 3, of registration_ivif*.py: pairs out of register and the fusion network alone.
    'none': [*_FUSION, 'model.genotype=tim-light', 'model.init_cfg.type=Pretrained',
             'model.init_cfg.checkpoint=mmfusenas://tim-light', 'val_evaluator._delete_=True',
             'val_evaluator.type=FusionMetric', 'val_evaluator.metric=[MI,VIF,Qabf,SSIM]',
             'test_evaluator._delete_=True', 'test_evaluator.type=FusionMetric'],
    # Table 10, of enhance_*.py: the fusion network without the enhancement network.
    'fusion': [*_FUSION, 'model.genotype=tim-full', 'model.order=(infrared,visible)'],
}
"""TIM by row. ``ivif`` is the config as it is."""

_DARK = TIM_ROWS['visible']  # the dark images themselves
_END_TO_END = ['default_hooks.guidance.scene_length=0']
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
    'enhanced': ['default_hooks.guidance.final_stage=task'],
    'stock': [*_DARK, *_STOCK],
    'stock-scene': [*_END_TO_END, *_STOCK],
    'stock-enhanced': ['default_hooks.guidance.final_stage=task', *_STOCK],
    **{name: [*_END_TO_END, *backbone] for name, backbone in _RESNET.items()},
    **{f'stock-{name}': [*_DARK, *_STOCK, *backbone] for name, backbone in _RESNET.items()},
    # Of the enhancement alone.
    'joint': ['default_hooks.guidance.scene_length=5', 'default_hooks.guidance.task_length=5',
              'default_hooks.guidance.final_stage=joint'],
}
"""RUAS by row. ``ruas`` is the config as it is. ``plain`` is its task network on the dark images themselves,
``enhanced`` behind a scene module that stays as it was trained without labels; ``stock`` and ``stock-...`` have 3 x 3
convolutions in the place of the searched ones."""


def plain_training(iterations: int) -> list[str]:
    """Return the options that train the tasks of a meta-initialisation one after the other, without it."""
    return ['train_cfg._delete_=True', 'train_cfg.type=ResumableIterTrainLoop', f'train_cfg.max_iters={iterations}',
            f'train_cfg.val_interval={iterations}', 'optim_wrapper.optimizer.lr=1e-3']  # the rate of the inner steps
