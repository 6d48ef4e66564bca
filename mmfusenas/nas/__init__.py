from mmfusenas.nas.choice import Choice
from mmfusenas.nas.genotype import Genotype, published_genotypes
from mmfusenas.nas.hypergrad import (
    ConjugateGradient,
    FirstOrder,
    ImplicitGaussNewton,
    Neumann,
    Unrolled,
    inner_step,
)
from mmfusenas.nas.space import Searchable, SearchSpace, prune, searchable_parts
