"""Several unrolled steps, and those of Adam: closed forms, formulas differentiated as they stand, the optimizers."""
import math

import pytest
import torch

from kits.hypergrad import LR, Problem, Quadratic, assert_close, distance
from mmfusenas.nas.hypergrad import FirstOrder, Unrolled, inner_step

BOTH = pytest.mark.parametrize('exact', [True, False])
"""Exact, and by differences, which are exact of a quadratic loss."""


@BOTH
@pytest.mark.parametrize('steps', [1, 2, 3, 7])
def test_steps_of_sgd_closed_form(exact, steps):
    """dL/dw = w - a x, so (1 - lr)^n of w - a x is left after n steps."""
    problem = Quadratic()
    grads, log = Unrolled(exact=exact, steps=steps)(*problem.call, inner=dict(lr=LR))
    left, target = (1 - LR)**steps, problem.a * problem.x
    moved = (target + left * (problem.w - target)).detach()
    assert_close(grads[0], 0.1 + (1 - left) * problem.x * (moved - problem.y))
    assert_close(log['lower_loss'], problem.lower().detach())
    assert_close(log['upper_loss'], 0.5 * (moved - problem.y).square().sum() + 0.1 * problem.a.sum())


@BOTH
def test_three_steps_with_momentum_and_decay_closed_form(exact):
    """(w, b) -> M (w, b) + c a x, with b' = m b + (1 + d) w - a x and w' = w - lr b'."""
    problem = Quadratic()
    momentum, decay = 0.9, 0.05
    buffer = torch.arange(5, dtype=torch.float64)
    inner = dict(lr=LR, momentum=momentum, weight_decay=decay, momentum_buffers=[buffer])
    grads, _ = Unrolled(exact=exact, steps=3)(*problem.call, inner=inner)
    matrix = torch.tensor([[1 - LR * (1 + decay), -LR * momentum], [1 + decay, momentum]], dtype=torch.float64)
    c = torch.tensor([LR, -1.0], dtype=torch.float64)
    answer = ((torch.eye(2).double() + matrix + matrix @ matrix) @ c)[0]
    power = torch.linalg.matrix_power(matrix, 3)[0]
    moved = power[0] * problem.w.detach() + power[1] * buffer + answer * problem.a * problem.x
    assert_close(grads[0], 0.1 + answer * problem.x * (moved - problem.y))


@BOTH
@pytest.mark.parametrize('max_norm', [0.5, 3.0, 100.0])
def test_three_clipped_steps_against_their_formula(exact, max_norm):
    problem = Quadratic()
    buffer = 0.1 * torch.arange(5, dtype=torch.float64)
    inner = dict(lr=LR, momentum=0.9, weight_decay=0.05, momentum_buffers=[buffer], max_norm=max_norm)
    grads, _ = Unrolled(exact=exact, steps=3)(*problem.call, inner=inner)
    a, w = problem.a.clone().requires_grad_(), problem.w.detach()
    for _ in range(3):
        grad = w - a * problem.x
        length = grad.square().sum().sqrt() + 1e-6
        grad = grad * max_norm / length if length > max_norm else grad
        buffer = 0.9 * buffer + grad + 0.05 * w
        w = w - LR * buffer
    upper = 0.5 * (w - problem.y).square().sum() + 0.1 * a.sum()
    assert_close(grads[0], torch.autograd.grad(upper, a)[0])


@BOTH
@pytest.mark.parametrize('steps', [1, 3])
@pytest.mark.parametrize('trained', [0, 4], ids=['first-step', 'with-moments'])
@pytest.mark.parametrize('decoupled', [False, True], ids=['Adam', 'AdamW'])
def test_steps_of_adam_against_their_formula(exact, steps, trained, decoupled):
    """Kingma and Ba, algorithm 1; weight decay in the gradient, or decoupled (Loshchilov and Hutter, algorithm 2)."""
    problem = Quadratic()
    lr, beta1, beta2, eps, decay = 0.05, 0.8, 0.95, 1e-3, 0.1
    optimizer = (torch.optim.AdamW if decoupled else torch.optim.Adam)(
        [problem.w], lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=decay)
    for _ in range(trained):
        optimizer.zero_grad()
        problem.lower().backward()
        optimizer.step()
    grads, log = Unrolled(exact=exact, steps=steps)(*problem.call, inner=inner_step(optimizer, [problem.w]))
    a, w = problem.a.clone().requires_grad_(), problem.w.detach()
    state = optimizer.state.get(problem.w, {})
    m, v = (state.get(name, torch.zeros_like(w)) for name in ('exp_avg', 'exp_avg_sq'))
    for t in range(trained + 1, trained + steps + 1):
        grad = w - a * problem.x + (0 if decoupled else decay * w)
        m, v = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
        w = w - decoupled * lr * decay * w
        w = w - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
    upper = 0.5 * (w - problem.y).square().sum() + 0.1 * a.sum()
    assert_close(log['upper_loss'], upper.detach())
    assert_close(grads[0], torch.autograd.grad(upper, a)[0])
    # The plain step of its rate, which Adam was taken for, is another one.
    plain, _ = Unrolled(exact=exact, steps=steps)(*problem.call, inner=dict(lr=lr, weight_decay=decay))
    assert distance(plain, grads) > 0.01


def test_a_weight_whose_gradients_were_all_0_does_not_answer_to_adam():
    """Its step would be lr / eps times any change of its gradient."""
    problem = Quadratic()
    with torch.no_grad():
        problem.w.copy_(problem.a * problem.x)
        problem.w[1:] += 1
    optimizer = torch.optim.Adam([problem.w], lr=0.1)
    grads, _ = Unrolled(exact=True, steps=2)(*problem.call, inner=inner_step(optimizer, [problem.w]))
    assert grads[0].isfinite().all() and grads[0][0] == pytest.approx(0.1)


@pytest.mark.parametrize('exact, tolerance', [(True, 1e-5), (False, 2e-3)])
@pytest.mark.parametrize('name', ['SGD', 'clipped', 'Adam', 'AdamW'])
def test_three_steps_against_the_optimizer_itself(name, exact, tolerance):
    """Central differences of the upper loss after three steps, of a network with BatchNorm and groups of weights."""
    problem = Problem()
    problem.steps, problem.max_norm = 3, 0.5 if name == 'clipped' else None
    if name.startswith('Adam'):
        groups = [dict(params=problem.weights[:2], lr=0.02, weight_decay=0.1), dict(params=problem.weights[2:])]
        problem.optimizer = getattr(torch.optim, name)(groups, lr=0.01, eps=1e-4, weight_decay=0.02)
    for _ in range(2):
        problem.step()
    clip = problem.max_norm and dict(max_norm=problem.max_norm)
    grads, log = Unrolled(exact=exact, steps=3)(
        *problem.call, inner=inner_step(problem.optimizer, problem.weights, clip))
    brute = problem.brute()
    assert distance(grads, brute) < tolerance
    assert math.isclose(float(log['upper_loss']), problem.upper_after_step(), rel_tol=1e-9)
    assert distance(FirstOrder()(*problem.call)[0], brute) > 0.02
