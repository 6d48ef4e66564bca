"""The inner step of an unrolled hyper-gradient: read off an optimizer, or given."""
import warnings

import pytest
import torch
from torch import nn

from kits.hypergrad import Problem, Quadratic, assert_close
from mmfusenas.nas.hypergrad import Unrolled, inner_step


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
            assert_close(grad, 0.1 + lr * part.x * (moved - part.y))


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
    assert inner == dict(lr=[0.01], momentum=[0.0], weight_decay=[0.1], momentum_buffers=[None], max_norm=None)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        inner_step(optimizer, [weight])
    with pytest.warns(UserWarning, match='SGD.*clip_value'):
        inner_step(torch.optim.SGD([weight], lr=0.1), [weight], dict(clip_value=1.0))
    sgd, by_norm = torch.optim.SGD([weight], lr=0.1), dict(max_norm=35, norm_type=2)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert inner_step(sgd, [weight], by_norm)['max_norm'] == 35.0
    with pytest.warns(UserWarning, match='norm_type.*as if they were not clipped'):
        assert inner_step(sgd, [weight], dict(by_norm, norm_type=1))['max_norm'] is None


@pytest.mark.parametrize('exact', [True, False])
def test_the_unrolled_step_is_clipped_as_the_training_step_is(exact):
    a, w, v = torch.tensor([1.0]), torch.tensor([3.0], requires_grad=True), torch.tensor([0.5], requires_grad=True)
    upper = lambda: (w ** 2).sum() / 2 + (v ** 2).sum()  # noqa: E731
    lower = lambda: ((w - 2 * a) ** 2).sum() / 2 + (0.75 * v).sum()  # noqa: E731  gradients 1 and 0.75
    optimizer = torch.optim.SGD([w, v], lr=0.5)
    inner = inner_step(optimizer, [w, v], dict(max_norm=0.5))
    grads, _ = Unrolled(exact=exact)(upper, lower, [a], [w, v], inner=inner)
    rate = 0.5 * 0.5 / 1.25
    # w' = w - rate and v' = v - 0.75 rate; lr dU/dw' = (w', 2 v') / 2, less its part along g = (1, 0.75) / 1.25, times
    # 0.5 / 1.25; and -d2L / da dw is 2 of w alone.
    along = ((3 - rate) + 0.75 * 2 * (0.5 - 0.75 * rate)) / 1.25**2
    assert grads[0].item() == pytest.approx(2 * rate * (3 - rate - along), rel=1e-4)

    def answer(value):
        step_w, step_v = 3 - 2 * value, 0.75
        share = 0.5 * 0.5 / (step_w**2 + step_v**2)**0.5
        return (3 - share * step_w)**2 / 2 + (0.5 - share * step_v)**2

    assert grads[0].item() == pytest.approx((answer(1.001) - answer(0.999)) / 0.002, rel=1e-4)
    lower().backward()
    torch.nn.utils.clip_grad_norm_([w, v], 0.5)
    optimizer.step()
    assert w.item() == pytest.approx(3 - rate, abs=1e-6)


@pytest.mark.parametrize('options, match', [
    (dict(momentum=0.9, nesterov=True), 'nesterov'), (dict(momentum=0.9, dampening=0.5), 'dampening'),
    (dict(maximize=True), 'maximize')])
def test_inner_step_refuses_steps_it_does_not_model(options, match):
    weight = nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match=match):
        inner_step(torch.optim.SGD([weight], lr=0.1, **options), [weight])
    with pytest.raises(ValueError, match='amsgrad'):
        inner_step(torch.optim.AdamW([weight], amsgrad=True), [weight])


def test_inner_step_reads_the_moments_of_adam():
    problem = Problem()
    optimizer = torch.optim.AdamW(problem.weights, lr=0.01, betas=(0.5, 0.9), eps=1e-6, weight_decay=0.1)
    inner = inner_step(optimizer, problem.weights)
    assert inner['type'] == 'Adam' and inner['counts'] == inner['exp_avgs'] == [None] * 6
    assert (inner['lr'][0], inner['beta1'][0], inner['beta2'][0], inner['eps'][0]) == (0.01, 0.5, 0.9, 1e-6)
    assert inner['weight_decay'] == [0.1] * 6 and inner['decoupled'] == [True] * 6
    problem.optimizer = optimizer
    problem.step()
    inner = inner_step(optimizer, problem.weights)
    assert inner['counts'] == [1] * 6
    assert all(torch.equal(m, optimizer.state[w]['exp_avg']) for m, w in zip(inner['exp_avgs'], problem.weights))
    assert inner_step(torch.optim.Adam(problem.weights), problem.weights)['decoupled'] == [False] * 6


def test_inner_step_refuses_a_weight_of_another_optimizer():
    with pytest.raises(ValueError, match=r'Weight 0 of shape \(2,\) is not in the optimizer'):
        inner_step(torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1), [nn.Parameter(torch.ones(2))])


@pytest.mark.parametrize('inner, match', [
    (None, 'it needs what one weight step does'), (dict(momentum=0.9), 'lr='),
    (dict(lr=0.1, nesterov=True), 'nesterov'),
    (dict(lr=0.1, dampening=0.1), 'dampening'), (dict(lr=0.1, type='Lion'), "type='Lion'; it knows.*Adam"),
    (dict(lr=0.1, type='Adam', momentum=0.9), "'momentum'.*of Adam are known.*beta1"),
    (dict(lr=[0.1, 0.2]), '2 values of lr for 1 weight')])
def test_unrolled_refuses_a_bad_inner(inner, match):
    with pytest.raises(ValueError, match=match):
        Unrolled()(*Quadratic().call, inner=inner)
