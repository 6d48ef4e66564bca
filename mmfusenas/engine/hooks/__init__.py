from mmfusenas.engine.hooks.bilevel_search_hook import BilevelSearchHook
from mmfusenas.engine.hooks.class_count_hook import ClassCountHook
from mmfusenas.engine.hooks.cooperative_search_hook import CooperativeSearchHook
from mmfusenas.engine.hooks.fusion_visualization_hook import FusionVisualizationHook
from mmfusenas.engine.hooks.genotype_export_hook import GenotypeExportHook
from mmfusenas.engine.hooks.loss_guard_hook import LossGuardHook
from mmfusenas.engine.hooks.path_sampling_hook import PathSamplingHook
from mmfusenas.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook
from mmfusenas.engine.hooks.task_guidance_hook import TaskGuidanceHook

__all__ = [
    'BilevelSearchHook', 'ClassCountHook', 'CooperativeSearchHook', 'FusionVisualizationHook', 'GenotypeExportHook',
    'LossGuardHook', 'PathSamplingHook', 'SafeCheckpointHook', 'TaskGuidanceHook',
]
