"""Hyper-gradients against closed forms, the real optimizer step, and dense linear algebra."""

import pytest
import torch
from torch.func import functional_call

from kits.hypergrad import LR, Problem, Quadratic, assert_close, distance
from mmfusenas.nas.hypergrad import ConjugateGradient, FirstOrder, ImplicitGaussNewton, Neumann, Unrolled, inner_step
from mmfusenas.nas.hypergrad.base import warn_once

# --- closed forms ---------------------------------------------------------------------------------------------------

def test_first_order_is_the_direct_gradient():
    problem = Quadratic()
    grads, log = FirstOrder()(*problem.call)
    assert_close(grads[0], torch.full_like(problem.a, 0.1))
    assert_close(log['upper_loss'], problem.upper().detach())


@pytest.mark.parametrize('exact', [True, False])
def test_unrolled_closed_form(exact):
    problem = Quadratic()
    grads, log = Unrolled(exact=exact)(*problem.call, inner=dict(lr=LR))
    moved = (problem.w - LR * (problem.w - problem.a * problem.x)).detach()
    assert_close(grads[0], 0.1 + LR * problem.x * (moved - problem.y))
    assert_close(log['lower_loss'], problem.lower().detach())
    assert_close(log['upper_loss'], 0.5 * (moved - problem.y).square().sum() + 0.1 * problem.a.sum())


@pytest.mark.parametrize('exact', [True, False])
def test_unrolled_closed_form_with_momentum_and_decay(exact):
    problem = Quadratic()
    buffer = torch.arange(5, dtype=torch.float64)
    inner = dict(lr=LR, momentum=0.9, weight_decay=0.05, momentum_buffers=[buffer])
    grads, _ = Unrolled(exact=exact)(*problem.call, inner=inner)
    w = problem.w.detach()
    moved = w - LR * (w - problem.a * problem.x + 0.05 * w + 0.9 * buffer)
    assert_close(grads[0], 0.1 + LR * problem.x * (moved - problem.y))


def test_gauss_newton_closed_form():
    problem = Quadratic()
    grads, log = ImplicitGaussNewton(eps=0.5)(*problem.call)
    residual = (problem.w - problem.a * problem.x).detach()
    coefficient = residual @ (problem.w.detach() - problem.y) / (residual @ residual + 0.5)
    assert_close(grads[0], 0.1 + coefficient * problem.x * residual)
    assert_close(log['coefficient'], coefficient)


def test_gauss_newton_exact_for_one_linear_residual():
    """Where eq. 4 is no approximation, away from the optimum of the weights.

    L = 1/2 r^2 with one residual r = u.w - s.a - b. Then dL/dw = r u, dL/da = -r s, the Hessian is u u^T with
    pseudo-inverse u u^T / |u|^4, and d2L/(da dw) = -s u^T, so the implicit gradient is
    dU/da + s (u . dU/dw) / |u|^2. Equation 4 gives - (r u . dU/dw) / (r^2 |u|^2) * (-r s): the same for every
    r != 0. With U = y.w + 0.1 sum(a) it is also the derivative of U at the nearest optimum
    w* = w - u r / |u|^2, which the test differentiates as it stands.
    """
    generator = torch.Generator().manual_seed(1)
    u, y, w = torch.randn(3, 6, generator=generator, dtype=torch.float64)
    s, a = torch.randn(2, 4, generator=generator, dtype=torch.float64)
    w.requires_grad_()

    def residual():
        return u @ w - s @ a - 0.3

    def upper(weights=w):
        return y @ weights + 0.1 * a.sum()

    assert residual().abs() > 0.1
    grads, _ = ImplicitGaussNewton()(upper, lambda: 0.5 * residual().square(), [a], [w])
    a.requires_grad_()
    expected = torch.autograd.grad(upper(w - u * residual() / (u @ u)), a)
    assert_close(grads[0], expected[0])


def test_implicit_strategies_closed_form():
    """The Hessian is the identity, so the exact answer is 0.1 + x (w - y), and each truncation is known too."""
    problem = Quadratic()
    direction = problem.x * (problem.w.detach() - problem.y)
    many, log = Neumann(lr=0.5, steps=60)(*problem.call)
    assert_close(many[0], 0.1 + direction)
    assert_close(log['residual'], torch.tensor(0.5 ** 60, dtype=torch.float64))
    few, _ = Neumann(lr=0.5, steps=2)(*problem.call)
    assert_close(few[0], 0.1 + (1 - 0.5 ** 3) * direction)
    solved, log = ConjugateGradient(steps=5)(*problem.call)
    assert_close(solved[0], 0.1 + direction)
    assert log['iterations'] == 1 and log['residual'] < 1e-12
    damped, _ = ConjugateGradient(steps=5, damping=0.25)(*problem.call)
    assert_close(damped[0], 0.1 + direction / 1.25)


# --- the real optimizer, dense matrices -----------------------------------------------------------------------------

@pytest.mark.parametrize('exact, tolerance', [(True, 1e-5), (False, 1e-3)])
@pytest.mark.parametrize('trained', [0, 3], ids=['first-step', 'with-momentum'])
def test_unrolled_against_the_whole_inner_step(exact, tolerance, trained):
    problem = Problem()
    for _ in range(trained):
        problem.step()
    inner = inner_step(problem.optimizer, problem.weights)
    grads, _ = Unrolled(exact=exact)(*problem.call, inner=inner)
    brute = problem.brute()
    assert distance(grads, brute) < tolerance
    # The answer of the weights matters here: the direct gradient alone is far off.
    assert distance(FirstOrder()(*problem.call)[0], brute) > 0.02


def dense_answer(problem, damping=0.0):
    """dU/da - d2L/(da dw) (H + damping I)^-1 dU/dw, with the matrices written down."""
    named = {name: p.detach().clone() for name, p in problem.net.named_parameters()}
    lengths = {name: p.numel() for name, p in named.items()}
    flat = torch.cat([p.flatten() for p in named.values()])
    is_choice = torch.cat([torch.full((n,), name in ('alpha', 'gate')) for name, n in lengths.items()])

    def loss(vector, which):
        parts = dict(zip(named, vector.split(list(lengths.values()))))
        parts = {name: part.view_as(named[name]) for name, part in parts.items()}
        x, y = problem.batches[which]
        decay = 0.5 * problem.decay * vector[~is_choice].square().sum()
        return (functional_call(problem.net, parts, (x,)) - y).square().mean() + decay

    second = torch.autograd.functional.hessian(lambda v: loss(v, 'lower'), flat)
    first = torch.autograd.functional.jacobian(lambda v: loss(v, 'upper'), flat)
    hessian = second[~is_choice][:, ~is_choice]
    hessian = hessian + damping * torch.eye(len(hessian), dtype=hessian.dtype)
    return first[is_choice] - second[is_choice][:, ~is_choice] @ torch.linalg.solve(hessian, first[~is_choice])


@pytest.mark.parametrize('strategy, damping', [
    (Neumann(lr=0.1, steps=600), 0.0),
    (ConjugateGradient(steps=40), 0.0),
    (ConjugateGradient(steps=40, damping=0.7), 0.7),
], ids=['neumann', 'conjugate', 'damped'])
def test_implicit_against_a_dense_solve(strategy, damping):
    problem = Problem(norm=False, decay=3.0)
    grads, log = strategy(*problem.call)
    # named_parameters yields alpha and gate first: parameters of the module itself come before its children's.
    assert distance(grads, [dense_answer(problem, damping)]) < 1e-6
    assert log['residual'] < 1e-8


# --- where the lower loss is not convex -----------------------------------------------------------------------------

class Bent:
    """L = 1/2 w.Hw - a.w and U = v.w + sum(a): the mixed derivative is -I, so g = 1 + x for the answer x of Hx = v."""

    def __init__(self, eigenvalues, right):
        self.a, self.w = torch.zeros(len(right)).double(), torch.ones(len(right)).double().requires_grad_()
        self.eigenvalues, self.right = torch.tensor(eigenvalues).double(), torch.tensor(right).double()
        self.call = (lambda: self.right @ self.w + self.a.sum(),
                     lambda: 0.5 * self.eigenvalues @ self.w**2 - self.a @ self.w, [self.a], [self.w])

    def residual(self, grads):
        """|v - Hx| / |v| of the x that a hyper-gradient was made of."""
        return float((self.right - self.eigenvalues * (grads[0] - 1)).norm() / self.right.norm())


@pytest.fixture
def warned_anew():
    warn_once.cache_clear()


def test_conjugate_gradient_stops_where_the_lower_loss_is_not_convex(warned_anew):
    w, a = torch.tensor([1.0], requires_grad=True), torch.tensor([2.0])
    with pytest.warns(UserWarning, match='not convex.*Raise damping'):
        grads, log = ConjugateGradient(steps=5)(lambda: (w * a).sum(), lambda: -(w * w * a).sum(), [a], [w])
    assert grads[0].tolist() == [1.0] and log['iterations'] == 0 and log['residual'] == 1
    assert log['curvature'] == -4
    damped, log = ConjugateGradient(steps=5, damping=5)(lambda: (w * a).sum(), lambda: -(w * w * a).sum(), [a], [w])
    assert log['curvature'] == 1 and damped[0].tolist() == [1 + 2 * 2]


def test_conjugate_gradient_keeps_its_best_iterate(warned_anew):
    """Curvature is 0.1 along the first direction, so that its step of length 10 leaves a residual above the start."""
    problem = Bent((1.0, -0.8), (1.0, 1.0))
    with pytest.warns(UserWarning, match='not convex') as caught:
        for _ in range(2):
            grads, log = ConjugateGradient(steps=5)(*problem.call)
    assert len(caught) == 1
    assert grads[0].tolist() == [1.0, 1.0] and log['residual'] == 1 and log['iterations'] == 1
    assert log['curvature'] < 0
    # Where an iterate is better than nothing it is kept, and the one after it, which is worse, is not.
    problem = Bent((1.0, 1.1, -0.05), (1.0, 1.0, 0.3))
    for steps in range(1, 6):
        grads, log = ConjugateGradient(steps=steps)(*problem.call)
        assert log['residual'] == pytest.approx(problem.residual(grads)) and log['residual'] < 0.4


def test_neumann_says_what_to_change_and_keeps_its_best_partial_sum(warned_anew):
    problem = Bent((1.0, 30.0), (1.0, 1.0))
    with pytest.warns(UserWarning, match='lower lr below 2') as caught:
        for _ in range(2):
            grads, log = Neumann(lr=0.1, steps=40)(*problem.call)
    assert len(caught) == 1
    assert grads[0].tolist() == [1.0, 1.0] and log['residual'] == 1 and log['terms'] == 0
    problem = Bent((1.0, -0.1), (1.0, 0.1))
    with pytest.warns(UserWarning, match='not convex here: take fewer steps'):
        grads, log = Neumann(lr=0.5, steps=200)(*problem.call)
    # Residuals of sums of n terms: (0.5^n, 0.1 * 1.05^n), least where n = 4.
    lengths = [(0.25**n + 0.01 * 1.1025**n)**0.5 for n in range(200)]
    best = lengths.index(min(lengths))
    assert log['terms'] == best and 0 < best < 10
    assert log['residual'] == pytest.approx(min(lengths) / lengths[0]) == problem.residual(grads)
