"""Hyper-gradients against closed forms, the real optimizer step, and dense linear algebra."""
import copy
import warnings
from functools import partial

import pytest
import torch
from torch import nn
from torch.func import functional_call

from mmfusenas.nas.hypergrad import ConjugateGradient, FirstOrder, ImplicitGaussNewton, Neumann, Unrolled, inner_step
from mmfusenas.registry import SEARCH_STRATEGIES

LR = 0.3


def close(got, expected, rtol=1e-6):
    torch.testing.assert_close(got, expected, rtol=rtol, atol=0)


def distance(got, expected):
    """Relative error of two lists of tensors, each seen as one vector."""
    got, expected = (torch.cat([part.flatten() for part in parts]) for parts in (got, expected))
    return float((got - expected).norm() / expected.norm())


class Quadratic:
    """L = 1/2 |w - a x|^2 and U = 1/2 |w - y|^2 + 0.1 sum(a), whose Hessian in w is the identity."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.a, self.w, self.x, self.y = torch.randn(4, 5, generator=generator, dtype=torch.float64)
        self.w.requires_grad_()
        self.call = (self.upper, self.lower, [self.a], [self.w])

    def lower(self):
        return 0.5 * (self.w - self.a * self.x).square().sum()

    def upper(self):
        return 0.5 * (self.w - self.y).square().sum() + 0.1 * self.a.sum()


class Net(nn.Module):
    """Two layers with BatchNorm between, and choices: a softmax over activations and a gate."""

    def __init__(self, norm=True):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4) if norm else nn.Identity()
        self.second = nn.Linear(4, 1)
        self.alpha = nn.Parameter(torch.tensor([0.3, -0.2, 0.1]), requires_grad=False)
        self.gate = nn.Parameter(torch.tensor([0.7]), requires_grad=False)

    def forward(self, x):
        x = self.norm(self.first(x))
        weights = self.alpha.softmax(0)
        return self.second(weights[0] * x.tanh() + weights[1] * x.sin() + weights[2] * x * self.gate)


class Problem:
    """A network, its two losses on two batches, and a real optimizer with two groups."""

    def __init__(self, norm=True, decay=0.0, seed=0):
        torch.manual_seed(seed)
        self.net = Net(norm).double()
        self.batches = {name: (torch.randn(8, 3, dtype=torch.float64), torch.randn(8, 1, dtype=torch.float64))
                        for name in ('upper', 'lower')}
        self.decay = decay
        self.weights = [p for p in self.net.parameters() if p.requires_grad]
        self.choices = [self.net.alpha, self.net.gate]
        self.optimizer = torch.optim.SGD(
            [dict(params=self.weights[:2], lr=0.2, weight_decay=0.1), dict(params=self.weights[2:])],
            lr=0.1, momentum=0.9, weight_decay=0.02)

    def loss(self, name):
        x, y = self.batches[name]
        loss = (self.net(x) - y).square().mean()
        return loss + 0.5 * self.decay * sum(w.square().sum() for w in self.weights)

    def upper(self):
        return self.loss('upper')

    def lower(self):
        return self.loss('lower')

    @property
    def call(self):
        return self.upper, self.lower, self.choices, self.weights, list(self.net.buffers())

    def step(self):
        self.optimizer.zero_grad()
        self.lower().backward()
        self.optimizer.step()

    def upper_after_step(self):
        """The whole inner step, by the optimizer itself, on copies of everything that changes."""
        state = copy.deepcopy((self.net.state_dict(), self.optimizer.state_dict()))
        self.step()
        value = float(self.upper().detach())
        self.net.load_state_dict(state[0])
        self.optimizer.load_state_dict(state[1])
        return value

    def brute(self, width=1e-5):
        """Central differences of :meth:`upper_after_step` for each choice."""
        grads = [torch.zeros_like(choice) for choice in self.choices]
        for choice, grad in zip(self.choices, grads):
            for index in range(len(choice)):
                middle = float(choice[index])
                ends = []
                for value in (middle + width, middle - width):
                    choice.data[index] = value
                    ends.append(self.upper_after_step())
                choice.data[index] = middle
                grad[index] = (ends[0] - ends[1]) / (2 * width)
        return grads


ALL = dict(
    first=dict(type='FirstOrder'), exact=dict(type='Unrolled', exact=True), difference=dict(type='Unrolled'),
    gauss_newton=dict(type='ImplicitGaussNewton'), neumann=dict(type='Neumann', lr=0.1, steps=3),
    conjugate=dict(type='ConjugateGradient', steps=3, damping=1.0))


# --- closed forms ---------------------------------------------------------------------------------------------------

def test_first_order_is_the_direct_gradient():
    problem = Quadratic()
    grads, log = FirstOrder()(*problem.call)
    close(grads[0], torch.full_like(problem.a, 0.1))
    close(log['upper_loss'], problem.upper().detach())


@pytest.mark.parametrize('exact', [True, False])
def test_unrolled_closed_form(exact):
    problem = Quadratic()
    grads, log = Unrolled(exact=exact)(*problem.call, inner=dict(lr=LR))
    moved = (problem.w - LR * (problem.w - problem.a * problem.x)).detach()
    close(grads[0], 0.1 + LR * problem.x * (moved - problem.y))
    close(log['lower_loss'], problem.lower().detach())
    close(log['upper_loss'], 0.5 * (moved - problem.y).square().sum() + 0.1 * problem.a.sum())


@pytest.mark.parametrize('exact', [True, False])
def test_unrolled_closed_form_with_momentum_and_decay(exact):
    problem = Quadratic()
    buffer = torch.arange(5, dtype=torch.float64)
    inner = dict(lr=LR, momentum=0.9, weight_decay=0.05, momentum_buffers=[buffer])
    grads, _ = Unrolled(exact=exact)(*problem.call, inner=inner)
    w = problem.w.detach()
    moved = w - LR * (w - problem.a * problem.x + 0.05 * w + 0.9 * buffer)
    close(grads[0], 0.1 + LR * problem.x * (moved - problem.y))


def test_gauss_newton_closed_form():
    problem = Quadratic()
    grads, log = ImplicitGaussNewton(eps=0.5)(*problem.call)
    residual = (problem.w - problem.a * problem.x).detach()
    coefficient = residual @ (problem.w.detach() - problem.y) / (residual @ residual + 0.5)
    close(grads[0], 0.1 + coefficient * problem.x * residual)
    close(log['coefficient'], coefficient)


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
    close(grads[0], expected[0])


def test_implicit_strategies_closed_form():
    """The Hessian is the identity, so the exact answer is 0.1 + x (w - y), and each truncation is known too."""
    problem = Quadratic()
    direction = problem.x * (problem.w.detach() - problem.y)
    many, log = Neumann(lr=0.5, steps=60)(*problem.call)
    close(many[0], 0.1 + direction)
    close(log['residual'], torch.tensor(0.5 ** 60, dtype=torch.float64))
    few, _ = Neumann(lr=0.5, steps=2)(*problem.call)
    close(few[0], 0.1 + (1 - 0.5 ** 3) * direction)
    solved, log = ConjugateGradient(steps=5)(*problem.call)
    close(solved[0], 0.1 + direction)
    assert log['iterations'] == 1 and log['residual'] < 1e-12
    damped, _ = ConjugateGradient(steps=5, damping=0.25)(*problem.call)
    close(damped[0], 0.1 + direction / 1.25)


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


def test_conjugate_gradient_stops_where_the_lower_loss_is_not_convex():
    w, a = torch.tensor([1.0], requires_grad=True), torch.tensor([2.0])
    grads, log = ConjugateGradient(steps=5)(lambda: (w * a).sum(), lambda: -(w * w * a).sum(), [a], [w])
    assert grads[0].tolist() == [1.0] and log['iterations'] == 0 and log['residual'] == 1


# --- state, weights that take no part -------------------------------------------------------------------------------

def snapshot(problem):
    tensors = [*problem.net.parameters(), *problem.net.buffers()]
    return ([t.detach().clone() for t in tensors], [t.requires_grad for t in tensors],
            [None if t.grad is None else t.grad.clone() for t in tensors])


def assert_as_before(problem, before):
    values, flags, grads = snapshot(problem)
    assert all(torch.equal(a, b) for a, b in zip(values, before[0]))
    assert flags == before[1]
    assert all((a is None) == (b is None) and (a is None or torch.equal(a, b)) for a, b in zip(grads, before[2]))


@pytest.mark.parametrize('name', ALL)
def test_state_is_as_before(name):
    problem = Problem()
    problem.step()  # leaves .grad on the weights and none on the choices
    problem.net.second.bias.requires_grad_(False)
    before = snapshot(problem)
    inner = inner_step(problem.optimizer, problem.weights)
    with torch.no_grad():
        grads, _ = SEARCH_STRATEGIES.build(ALL[name])(*problem.call, inner=inner)
    assert_as_before(problem, before)
    assert not any(grad.requires_grad for grad in grads)
    assert [grad.shape for grad in grads] == [choice.shape for choice in problem.choices]


@pytest.mark.parametrize('name, calls', [('first', 1), ('gauss_newton', 2), ('difference', 4), ('exact', 3),
                                         ('neumann', 2), ('conjugate', 2)])
def test_state_is_as_before_when_a_loss_raises(name, calls):
    """Each evaluation in turn fails; the number of evaluations is the strategy's cost."""
    for failing in range(calls):
        problem = Problem()
        problem.step()
        before = snapshot(problem)
        outcomes = iter([index == failing for index in range(calls)])
        inner = inner_step(problem.optimizer, problem.weights)
        with pytest.raises(RuntimeError, match='spoiled'):
            SEARCH_STRATEGIES.build(ALL[name])(
                partial(spoiled, problem.upper, outcomes), partial(spoiled, problem.lower, outcomes), *problem.call[2:],
                inner=inner)
        assert_as_before(problem, before)


def spoiled(loss, outcomes):
    """Evaluate ``loss`` in full, BatchNorm update included, and fail where the next outcome says so."""
    value = loss()
    if next(outcomes):
        raise RuntimeError('spoiled')
    return value


@pytest.mark.parametrize('name, upper, lower', [('first', 1, 0), ('gauss_newton', 1, 1), ('difference', 1, 3),
                                                ('exact', 1, 2), ('neumann', 1, 1), ('conjugate', 1, 1)])
def test_evaluations(name, upper, lower):
    """How often each loss is evaluated, and that each evaluation sees the same BatchNorm statistics."""
    problem = Problem()
    seen, counts = [], dict(upper=0, lower=0)

    def counted(which):
        def closure():
            counts[which] += 1
            seen.append(problem.net.norm.running_mean.clone())
            return problem.loss(which)
        return closure

    SEARCH_STRATEGIES.build(ALL[name])(counted('upper'), counted('lower'), *problem.call[2:], inner=dict(lr=LR))
    assert counts == dict(upper=upper, lower=lower)
    assert all(torch.equal(mean, torch.zeros_like(mean)) for mean in seen)


@pytest.mark.parametrize('name', ALL)
def test_weights_that_take_no_part_change_nothing(name):
    """An unused weight, a frozen one, and a choice that no loss uses (its gradient is zero)."""
    problem = Quadratic()
    inner = dict(lr=LR, weight_decay=0.1, momentum=0.5, momentum_buffers=[torch.ones_like(problem.w)])
    strategy = SEARCH_STRATEGIES.build(ALL[name])
    alone, _ = strategy(*problem.call, inner=inner)
    unused, frozen = torch.ones(3, dtype=torch.float64, requires_grad=True), torch.ones(2, dtype=torch.float64)
    spare = torch.ones(4, dtype=torch.float64)
    inner['momentum_buffers'] += [torch.ones_like(unused), None]
    grads, _ = strategy(lambda: problem.upper() + 0 * frozen.sum(), problem.lower, [problem.a, spare],
                        [problem.w, unused, frozen], inner=inner)
    close(grads[0], alone[0])
    assert torch.equal(grads[1], torch.zeros(4, dtype=torch.float64))
    assert not frozen.requires_grad and not spare.requires_grad


def test_a_weight_that_only_the_upper_loss_uses_is_not_moved():
    """An optimizer skips a weight without a gradient, decay and momentum included."""
    problem = Quadratic()
    other = torch.ones(1, dtype=torch.float64, requires_grad=True)
    inner = dict(lr=LR, weight_decay=0.5, momentum=0.9, momentum_buffers=[None, torch.ones_like(other)])
    _, log = Unrolled()(lambda: other.sum() + 0 * problem.a.sum(), problem.lower, [problem.a], [problem.w, other],
                        inner=inner)
    assert log['upper_loss'] == 1


@pytest.mark.parametrize('name', [name for name in ALL if name != 'first'])
def test_a_nan_in_the_upper_loss_reaches_the_result(name):
    problem = Problem()
    before = snapshot(problem)
    grads, _ = SEARCH_STRATEGIES.build(ALL[name])(lambda: problem.upper() * float('nan'), *problem.call[1:],
                                                  inner=dict(lr=LR))
    assert all(grad.isnan().all() for grad in grads)
    assert_as_before(problem, before)


def test_unrolled_where_the_upper_loss_does_not_depend_on_the_weights():
    problem = Quadratic()
    grads, log = Unrolled()(lambda: problem.a.sum() + 0 * problem.w.sum(), problem.lower, *problem.call[2:],
                            inner=dict(lr=LR))
    assert grads[0].tolist() == [1.0] * 5 and log['step_norm'] == 0


# --- inner steps ----------------------------------------------------------------------------------------------------

def test_inner_values_per_weight():
    """Two weights of unlike lr: the closed form holds for each with its own."""
    first, second = Quadratic(), Quadratic()
    second.x = second.x + 1
    rates = (0.1, 0.4)
    for exact in (True, False):
        grads, _ = Unrolled(exact=exact)(
            lambda: first.upper() + second.upper(), lambda: first.lower() + second.lower(),
            [first.a, second.a], [first.w, second.w], inner=dict(lr=rates, weight_decay=(0.0, 0.2)))
        for grad, part, lr, decay in zip(grads, (first, second), rates, (0.0, 0.2)):
            w = part.w.detach()
            moved = w - lr * (w - part.a * part.x + decay * w)
            close(grad, 0.1 + lr * part.x * (moved - part.y))


def test_inner_step_reads_the_groups():
    problem = Problem()
    inner = inner_step(problem.optimizer, problem.weights)
    assert inner['lr'] == [0.2, 0.2, 0.1, 0.1, 0.1, 0.1]
    assert inner['momentum'] == [0.9] * 6
    assert inner['weight_decay'] == [0.1, 0.1] + [0.02] * 4
    assert inner['momentum_buffers'] == [None] * 6
    problem.step()
    buffers = inner_step(problem.optimizer, problem.weights)['momentum_buffers']
    assert all(torch.equal(buffer, problem.optimizer.state[w]['momentum_buffer'])
               for buffer, w in zip(buffers, problem.weights))


def test_inner_step_takes_others_as_the_plain_step_and_says_so_once():
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adamax([weight], lr=0.01, weight_decay=0.1)
    with pytest.warns(UserWarning, match='Adamax.*plain gradient step'):
        inner = inner_step(optimizer, [weight])
    assert inner == dict(lr=[0.01], momentum=[0.0], weight_decay=[0.1], momentum_buffers=[None])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        inner_step(optimizer, [weight])
    with pytest.warns(UserWarning, match='SGD with clipped gradients'):
        inner_step(torch.optim.SGD([weight], lr=0.1), [weight], clipped=True)


@pytest.mark.parametrize('options, match', [
    (dict(momentum=0.9, nesterov=True), 'nesterov'), (dict(momentum=0.9, dampening=0.5), 'dampening'),
    (dict(maximize=True), 'maximize')])
def test_inner_step_refuses_steps_it_does_not_model(options, match):
    weight = nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match=match):
        inner_step(torch.optim.SGD([weight], lr=0.1, **options), [weight])


def test_inner_step_refuses_a_weight_of_another_optimizer():
    with pytest.raises(ValueError, match=r'Weight 0 of shape \(2,\) is not in the optimizer'):
        inner_step(torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1), [nn.Parameter(torch.ones(2))])


@pytest.mark.parametrize('inner, match', [
    (None, 'it needs what one weight step does'), (dict(momentum=0.9), 'lr='),
    (dict(lr=0.1, nesterov=True), 'nesterov'),
    (dict(lr=0.1, dampening=0.1), 'dampening'), (dict(lr=[0.1, 0.2]), '2 values of lr for 1 weight')])
def test_unrolled_refuses_a_bad_inner(inner, match):
    with pytest.raises(ValueError, match=match):
        Unrolled()(*Quadratic().call, inner=inner)


# --- errors ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('loss, match', [
    (lambda: torch.ones(3, requires_grad=True), r'upper_loss\(\) gave \(3,\)'),
    (lambda: 1.0, r'upper_loss\(\) gave float'), (lambda: torch.ones(()), 'without a graph')])
def test_a_loss_that_is_no_scalar_with_a_graph(loss, match):
    problem = Quadratic()
    with pytest.raises(ValueError, match=match):
        ImplicitGaussNewton()(loss, problem.lower, [problem.a], [problem.w])


def test_parameters_that_are_no_leaves_or_missing():
    problem = Quadratic()
    with pytest.raises(ValueError, match=r'lower_params\[0\] of shape \(5,\) is not a leaf'):
        FirstOrder()(problem.upper, problem.lower, [problem.a], [problem.w * 2])
    with pytest.raises(ValueError, match='upper_params is empty'):
        FirstOrder()(problem.upper, problem.lower, [], [problem.w])


@pytest.mark.parametrize('cfg', [
    dict(type='Unrolled', radius=0), dict(type='ImplicitGaussNewton', eps=0), dict(type='Neumann', lr=0, steps=1),
    dict(type='Neumann', lr=0.1, steps=-1), dict(type='ConjugateGradient', steps=0),
    dict(type='ConjugateGradient', steps=1, damping=-1)])
def test_arguments_out_of_range(cfg):
    with pytest.raises(ValueError, match=f'{cfg["type"]}.*(must be|above)'):
        SEARCH_STRATEGIES.build(cfg)
