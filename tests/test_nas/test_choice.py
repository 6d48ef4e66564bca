"""One choice: relaxed, fixed or neither, and its alpha out of every optimizer's reach."""
import copy
import pickle

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmfusenas.nas import Choice, Genotype, SearchSpace


class Scale(nn.Module):
    """x times a learned factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return self.factor * x


class Pair(Scale):
    """Two outputs."""

    def forward(self, x, y):
        return self.factor * x, self.factor - y


def choice():
    return Choice(dict(one=Scale(1.0), two=Scale(2.0), ten=Scale(10.0)))


def test_relaxed_choice_is_the_softmax_weighted_sum():
    op = choice()
    op.alpha.data = torch.tensor([0.0, 2.0, 3.0]).log()
    op.relax()
    assert op(torch.tensor(5.0)).item() == pytest.approx(5 * (0.4 * 2 + 0.6 * 10))
    torch.testing.assert_close(op.probabilities(), torch.tensor([0.0, 0.4, 0.6]))
    assert op.best() == 'ten'


def test_relaxed_choice_of_several_inputs_and_outputs():
    op = Choice(dict(a=Pair(1.0), b=Pair(3.0)))
    op.relax()
    first, second = op(torch.tensor(4.0), torch.tensor(5.0))
    assert (first.item(), second.item()) == (8.0, -3.0)


def test_single_path_runs_one_candidate_alone():
    op = choice()
    op.select('two')
    x = torch.tensor(5.0, requires_grad=True)
    op(x).backward()
    assert x.grad.item() == 2.0
    assert [name for name, p in op.named_parameters() if p.grad is not None] == ['two.factor']
    assert op.probabilities().tolist() == [0.0, 1.0, 0.0]
    assert op.best() == 'two'
    op.relax()
    assert op.selected is None
    assert op(torch.tensor(3.0)).item() == pytest.approx(13.0)


def test_equal_alphas_choose_the_first():
    assert choice().best() == 'one'


def test_choice_neither_relaxed_nor_fixed_is_an_error_not_a_uniform_mixture():
    with pytest.raises(RuntimeError, match='nor fixed.*BilevelSearchHook'):
        choice()(torch.tensor(1.0))


def test_unknown_candidate_names_the_nearest():
    with pytest.raises(ValueError, match="no candidate 'tow'; the nearest is 'two'"):
        choice().select('tow')


@pytest.mark.parametrize('name', ['a.b', '', 'alpha', 'forward', 'selected', 'label'])
def test_candidate_whose_name_cannot_be_a_module(name):
    with pytest.raises(ValueError, match='become attributes of the choice'):
        Choice({name: nn.Identity()})


def test_choice_of_nothing():
    with pytest.raises(ValueError, match='no candidates'):
        Choice({})


def test_alpha_waits_for_a_strategy():
    op = choice()
    op.relax()
    assert not op.alpha.requires_grad
    op(torch.tensor(1.0)).backward()
    assert op.alpha.grad is None
    op.alpha.requires_grad_(True)
    (grad,) = torch.autograd.grad(op(torch.tensor(1.0)), [op.alpha])
    # d/d alpha_i of sum p f = p_i (f_i - mean)
    torch.testing.assert_close(grad, (torch.tensor([1.0, 2.0, 10.0]) - 13 / 3) / 3)


@pytest.mark.parametrize('optimizer', [
    dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.5),
    dict(type='AdamW', lr=0.1, weight_decay=0.5),
    dict(type='Adam', lr=0.1, weight_decay=0.5),
])  # fmt: skip
@pytest.mark.parametrize('extra', [
    {}, dict(paramwise_cfg=dict(custom_keys={'op': dict(lr_mult=3, decay_mult=2)}, norm_decay_mult=0.0)),
    dict(clip_grad=dict(max_norm=1.0)),
])  # fmt: skip
def test_weight_optimizers_leave_alpha_alone(optimizer, extra):
    model = nn.Module()
    model.op = choice()
    model.op.alpha.data = torch.tensor([0.5, -1.0, 2.0])
    model.op.relax()
    wrapper = build_optim_wrapper(model, dict(optimizer=optimizer, **extra))
    before = model.op.two.factor.item()
    for _ in range(3):
        wrapper.update_params(model.op(torch.tensor(1.0)))
    assert model.op.alpha.tolist() == [0.5, -1.0, 2.0]
    assert model.op.alpha.grad is None
    assert model.op.two.factor.item() < before


@pytest.mark.parametrize('duplicate', [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
@pytest.mark.parametrize('state', ['relaxed', 'selected'])
def test_copies_are_equal_and_independent(duplicate, state):
    op = choice()
    op.alpha.data = torch.tensor([0.5, -1.0, 2.0])
    op.relax() if state == 'relaxed' else op.select('two')
    again = duplicate(op)
    x = torch.tensor(3.0)
    assert again(x).item() == op(x).item()
    assert again.candidates == op.candidates
    assert not again.alpha.requires_grad
    again.alpha.data.zero_()
    again.select('one')
    assert op.alpha.tolist() == [0.5, -1.0, 2.0]
    assert op.selected == (None if state == 'relaxed' else 'two')


def test_state_dict_carries_alpha_and_every_candidate():
    op, other = choice(), choice()
    op.alpha.data = torch.tensor([0.5, -1.0, 2.0])
    op.ten.factor.data.fill_(7.0)
    assert sorted(op.state_dict()) == ['alpha', 'one.factor', 'ten.factor', 'two.factor']
    other.load_state_dict(op.state_dict())
    assert other.alpha.tolist() == [0.5, -1.0, 2.0]
    assert other.ten.factor.item() == 7.0


def test_samples_follow_the_probabilities():
    """The largest weight is that of a candidate with its softmax(alpha), at every temperature; near 0 it is all."""
    op, count = choice(), 20000
    op.alpha.data = torch.tensor([0.2, 0.5, 0.3]).log() + 7
    op.relax()
    expected = torch.tensor([0.2, 0.5, 0.3])
    for temperature in (5.0, 1.0, 0.01):
        torch.manual_seed(0)
        samples = torch.stack([op.draw(temperature) or op.weights() for _ in range(count)])
        torch.testing.assert_close(samples.sum(1), torch.ones(count))
        share = torch.bincount(samples.argmax(1), minlength=3) / count
        assert ((share - expected).abs() < 4 * (expected * (1 - expected) / count).sqrt()).all(), temperature
    assert (samples.max(1).values > 0.99).float().mean() > 0.95
    torch.testing.assert_close(samples.mean(0), expected, atol=0.02, rtol=0)
    torch.testing.assert_close(op.probabilities(), expected)


def test_a_sample_is_kept_until_the_next_one_and_is_for_training_alone():
    op, x = choice(), torch.tensor(3.0)
    op.relax()
    torch.manual_seed(1)
    op.draw(0.5)
    weights = op.weights()
    assert op(x).item() == op(x).item() == pytest.approx(float(weights @ torch.tensor([3.0, 6.0, 30.0])))
    noise = op.noise
    torch.manual_seed(1)
    expected = -torch.empty(3).exponential_().log()  # Gumbel(0, 1) is -log of an exponential variable
    torch.testing.assert_close(noise, expected)
    torch.testing.assert_close(weights, (expected / 0.5).softmax(0))
    op.draw(0.5)
    assert not torch.equal(op.noise, noise)
    assert op.eval()(x).item() == pytest.approx(13.0)
    op.train().select('two')
    assert op(x).item() == 6.0
    op.relax()
    assert op(x).item() == pytest.approx(13.0)


def test_gradient_of_a_sample_against_finite_differences():
    op, x = choice().double(), torch.tensor(3.0, dtype=torch.float64)
    op.alpha.data = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
    op.relax()
    torch.manual_seed(2)
    op.draw(0.7)
    op.alpha.requires_grad_(True)
    (grad,) = torch.autograd.grad(op(x), [op.alpha])
    with torch.no_grad():
        for i in range(3):
            step = torch.zeros(3, dtype=torch.float64)
            step[i] = 1e-5
            op.alpha += step
            above = op(x)
            op.alpha -= 2 * step
            assert grad[i].item() == pytest.approx((above - op(x)).item() / 2e-5, rel=1e-6)
            op.alpha += step


def test_a_cold_sample_is_the_derived_network():
    torch.manual_seed(3)
    net = nn.Sequential(Choice({str(k): nn.Conv2d(2, 2, k, padding=k // 2) for k in (1, 3, 5)}), nn.ReLU(), Choice(
        {str(k): nn.Conv2d(2, 2, k, padding=k // 2) for k in (1, 3)}))
    space, x = SearchSpace(net), torch.rand(1, 2, 7, 9)
    space.relax()
    seen = set()
    for _ in range(8):
        for op in space.choices.values():
            op.draw(1e-4)
        sampled = {name: op.candidates[int(op.weights().argmax())] for name, op in space.choices.items()}
        seen.add(tuple(sampled.values()))
        genotype = Genotype(choices=sampled, space='Sequential', space_hash=space.hash)
        torch.testing.assert_close(net(x), space.derive(genotype)(x))
    assert len(seen) > 2
