"""What a hyper-gradient leaves as it was, how often it asks for a loss, and what it refuses."""
from functools import partial

import pytest
import torch

from kits.hypergrad import ALL, LR, Problem, Quadratic, assert_close
from mmfusenas.nas.hypergrad import FirstOrder, ImplicitGaussNewton, Unrolled, inner_step
from mmfusenas.registry import SEARCH_STRATEGIES


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
                                         ('difference_3', 10), ('exact_3', 7),
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
                                                ('difference_3', 1, 9), ('exact_3', 1, 6),
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
    assert_close(grads[0], alone[0])
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


# --- several batches above ------------------------------------------------------------------------------------------

@pytest.mark.parametrize('name', ALL)
def test_several_upper_losses_are_their_mean(name):
    """At a pass each, and no more of the lower one."""
    problem, calls = Problem(), []

    def scaled(factor):
        def closure():
            calls.append(factor)
            return factor * problem.upper() + (factor - 2) * problem.net.gate.sum()
        return closure

    def lower():
        calls.append('lower')
        return problem.lower()

    strategy, inner = SEARCH_STRATEGIES.build(ALL[name]), dict(lr=LR)
    grads, log = strategy([scaled(1.0), scaled(2.0), scaled(4.0)], lower, *problem.call[2:], inner=inner)
    several, calls[:] = list(calls), []
    mean, single = strategy(
        lambda: sum(scaled(factor)() for factor in (1.0, 2.0, 4.0)) / 3, lower, *problem.call[2:], inner=inner)
    assert several.count('lower') == calls.count('lower') and several.count(4.0) == 1
    assert_close(torch.cat(grads), torch.cat(mean))
    assert_close(log['upper_loss'], single['upper_loss'])


@pytest.mark.parametrize('strategy', [FirstOrder(), ImplicitGaussNewton()])
def test_the_cosine_is_that_of_the_batches_own_gradients(strategy):
    problem = Problem()
    x, y = torch.randn(3, 8, 3, dtype=torch.float64), torch.randn(3, 8, 1, dtype=torch.float64)
    losses = [partial(lambda k: (problem.net(x[k]) - y[k]).square().mean(), k) for k in range(3)]
    _, log = strategy(losses, *problem.call[1:])
    own = [torch.cat(strategy(loss, *problem.call[1:])[0]) for loss in losses]
    cosines = [torch.cosine_similarity(own[i], own[j], dim=0) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert_close(log['batch_cosine'], sum(cosines) / 3)
    assert 'batch_cosine' not in strategy(*problem.call)[1]


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
    dict(type='Unrolled', radius=0), dict(type='Unrolled', steps=0),
    dict(type='ImplicitGaussNewton', eps=0), dict(type='Neumann', lr=0, steps=1),
    dict(type='Neumann', lr=0.1, steps=-1), dict(type='ConjugateGradient', steps=0),
    dict(type='ConjugateGradient', steps=1, damping=-1)])
def test_arguments_out_of_range(cfg):
    with pytest.raises(ValueError, match=f'{cfg["type"]}.*(must be|above)'):
        SEARCH_STRATEGIES.build(cfg)
