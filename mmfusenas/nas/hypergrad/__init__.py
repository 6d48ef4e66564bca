"""Hyper-gradients: the gradient of an upper loss through the answer of the weights to the choices.

Every strategy is called ``strategy(upper_loss, lower_loss, upper_params, lower_params, buffers, inner)``, is
found by name in ``SEARCH_STRATEGIES``, and knows nothing of images or networks.
"""
from mmfusenas.nas.hypergrad.base import HyperGradient
from mmfusenas.nas.hypergrad.conjugate_gradient import ConjugateGradient
from mmfusenas.nas.hypergrad.first_order import FirstOrder
from mmfusenas.nas.hypergrad.implicit_gauss_newton import ImplicitGaussNewton
from mmfusenas.nas.hypergrad.inner import inner_step
from mmfusenas.nas.hypergrad.neumann import Neumann
from mmfusenas.nas.hypergrad.random_choice import RandomChoice
from mmfusenas.nas.hypergrad.unrolled import Unrolled

__all__ = ['ConjugateGradient', 'FirstOrder', 'HyperGradient', 'ImplicitGaussNewton', 'Neumann',
           'RandomChoice', 'Unrolled', 'inner_step']
