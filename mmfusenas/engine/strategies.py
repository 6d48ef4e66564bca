"""The search strategies of :mod:`mmfusenas.nas`, which knows no registry, by their names in configs."""
from mmfusenas.nas.hypergrad import (
    ConjugateGradient,
    FirstOrder,
    ImplicitGaussNewton,
    Neumann,
    RandomChoice,
    Unrolled,
)
from mmfusenas.registry import SEARCH_STRATEGIES

for strategy in (ConjugateGradient, FirstOrder, ImplicitGaussNewton, Neumann, RandomChoice, Unrolled):
    SEARCH_STRATEGIES.register_module(module=strategy)
