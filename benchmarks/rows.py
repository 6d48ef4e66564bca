"""Rows of the papers' tables as options of a config: what ``task_rows.py`` trains beside the system itself."""

TIM_SHORT = ['model.channels=16', 'train_cfg.max_epochs=4', 'train_cfg.val_interval=4']
"""The short training that compares fusion networks: a third of the width, four epochs."""

_NO_GUIDANCE = ['default_hooks.guidance.scene=0', 'default_hooks.guidance.last=task']  # nothing of the scene trains
_FUSION = ['model._delete_=True', 'model.type=TIMFusion', 'model.loss.type=FusionLoss']

TIM_ROWS: dict[str, list[str]] = {
    **{rule: ['model.scene._delete_=True', 'model.scene.type=FixedFusion', f'model.scene.rule={rule}', *_NO_GUIDANCE]
       for rule in ('visible', 'infrared', 'average')},
    # The fusion network, trained with l_F alone, stays as it is.
    'direct': ['default_hooks.guidance.last=task'],
    'ivif': [],
    # Table 3, of registration_ivif*.py: pairs out of register and the fusion network alone.
    'none': [*_FUSION, 'model.genotype=tim-light', 'model.init_cfg.type=Pretrained',
             'model.init_cfg.checkpoint=mmfusenas://tim-light', 'val_evaluator._delete_=True',
             'val_evaluator.type=FusionMetric', 'val_evaluator.metric=[MI,VIF,Qabf,SSIM]',
             'test_evaluator._delete_=True', 'test_evaluator.type=FusionMetric'],
    # Table 10, of enhance_*.py: the fusion network without the enhancement network.
    'fusion': [*_FUSION, 'model.genotype=tim-full', 'model.order=(infrared,visible)'],
}
"""What makes a row of the config of TIM's own, ``ivif``."""


def plain_training(iterations: int) -> list[str]:
    """Return the options that train the tasks of a meta-initialisation one after the other, without it."""
    return ['train_cfg._delete_=True', 'train_cfg.type=ResumableIterTrainLoop', f'train_cfg.max_iters={iterations}',
            f'train_cfg.val_interval={iterations}', 'optim_wrapper.optimizer.lr=1e-3']  # the rate of the inner steps
