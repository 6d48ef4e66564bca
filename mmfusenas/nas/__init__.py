from mmfusenas.nas.choice import Choice
from mmfusenas.nas.cost_table import COSTS, CostTable, parameters_by_site
from mmfusenas.nas.expected_cost import ExpectedCost
from mmfusenas.nas.genotype import Genotype, GenotypeSource, published_genotypes, with_genotype
from mmfusenas.nas.hypergrad import (
    ConjugateGradient,
    FirstOrder,
    ImplicitGaussNewton,
    Neumann,
    Unrolled,
    inner_step,
)
from mmfusenas.nas.latency import measure_costs
from mmfusenas.nas.loss_weights import FixedLossWeights, LossWeights
from mmfusenas.nas.macs import count_macs
from mmfusenas.nas.proxy import Proxy
from mmfusenas.nas.space import Searchable, SearchSpace, prune, searchable_parts

__all__ = [
    'COSTS', 'Choice', 'ConjugateGradient', 'CostTable', 'ExpectedCost', 'FirstOrder', 'FixedLossWeights', 'Genotype',
    'GenotypeSource', 'ImplicitGaussNewton', 'Neumann', 'Proxy', 'SearchSpace', 'Searchable', 'Unrolled', 'LossWeights',
    'count_macs', 'inner_step', 'measure_costs', 'parameters_by_site', 'prune', 'published_genotypes',
    'searchable_parts', 'with_genotype',
]
