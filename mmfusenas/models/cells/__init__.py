from mmfusenas.models.cells.decomposition_cell import DecompositionCell
from mmfusenas.models.cells.distillation_cell import DistillationCell
from mmfusenas.models.cells.feature_distillation_cell import FeatureDistillationCell
from mmfusenas.models.cells.hadamard_unit import HadamardUnit
from mmfusenas.models.cells.multi_scale_cell import MultiScaleCell
from mmfusenas.models.cells.successive_cell import SuccessiveCell

__all__ = [
    'DecompositionCell', 'DistillationCell', 'FeatureDistillationCell', 'HadamardUnit', 'MultiScaleCell',
    'SuccessiveCell',
]
