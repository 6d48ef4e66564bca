from mmfusenas.nas.choice import Choice
from mmfusenas.nas.cost_table import COSTS, CostTable, count_parameters
from mmfusenas.nas.expected_cost import ExpectedCost
from mmfusenas.nas.genotype import Genotype, published_genotypes
from mmfusenas.nas.hypergrad import (
    ConjugateGradient,
    FirstOrder,
    ImplicitGaussNewton,
    Neumann,
    Unrolled,
    inner_step,
)
from mmfusenas.nas.latency import measure_costs
from mmfusenas.nas.macs import count_macs
from mmfusenas.nas.space import Searchable, SearchSpace, prune, searchable_parts
