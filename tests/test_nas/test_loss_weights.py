"""Weights of terms that an upper level learns, and the genotypes that keep them."""
import json

import pytest
import torch
from torch import nn

from mmfusenas.nas import Choice, FixedLossWeights, Genotype, LossWeights, Searchable, SearchSpace


class Loss(Searchable, nn.Module):
    def __init__(self, genotype=None):
        super().__init__()
        self.weights = LossWeights(['l1', 'l2'])
        self.layer = Choice(dict(a=nn.Identity(), b=nn.Identity()))
        self.specialize(genotype)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Conv2d(1, 1, 1)
        self.loss = Loss()


def terms():
    return dict(l1=torch.tensor(2.0), l2=torch.tensor(3.0))


def test_it_weighs_terms_and_its_gradient_is_the_terms():
    weights = LossWeights(['l1', 'l2'], init_value=0.5)
    weights.relax()
    weights.alpha.requires_grad_(True)
    weighted = weights(terms())
    assert {name: float(value.detach()) for name, value in weighted.items()} == dict(l1=1.0, l2=1.5)
    assert torch.autograd.grad(sum(weighted.values()), weights.alpha)[0].tolist() == [2.0, 3.0]


def test_what_nobody_decided_does_not_run():
    with pytest.raises(RuntimeError, match=r"\['l1', 'l2'\] are neither relaxed nor fixed.*BilevelSearchHook"):
        LossWeights(['l1', 'l2'])(terms())


def test_optimizers_leave_it_alone():
    model = Model()
    model.loss.weights.relax()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.0, weight_decay=1.0)
    sum(model.loss.weights(dict(l1=model.net.weight.sum(), l2=model.net.bias.sum())).values()).backward()
    optimizer.step()
    assert model.loss.weights.alpha.tolist() == [1.0, 1.0] and model.loss.weights.alpha.grad is None


@pytest.mark.parametrize('given', [[0.2, 0.9, 2.5], [-1.0, 4.0, 0.1], [5.0, 5.0, -9.0], [0.0, 0.0, 0.0]])
def test_weights_of_a_sum_are_the_nearest_ones(given):
    weights = LossWeights(['l1', 'l2', 'l3'], total=1.5)
    assert weights.alpha.tolist() == [0.5, 0.5, 0.5]
    with torch.no_grad():
        weights.alpha.copy_(torch.tensor(given))
    weights.project()
    found = weights.alpha.detach()
    assert found.min() >= 0 and float(found.sum()) == pytest.approx(1.5)
    steps = torch.linspace(0, 1.5, 151)
    grid = torch.stack([torch.stack([a, b, 1.5 - a - b]) for a in steps for b in steps if a + b <= 1.5 + 1e-6])
    best = float((grid - torch.tensor(given)).norm(dim=1).min())
    assert float((found - torch.tensor(given)).norm()) <= best + 1e-5


def test_what_is_common_to_all_weights_moves_none_of_a_sum():
    """Adam scales each component by itself: without the tangent a common gradient hides which term is better."""
    for total, expected in ((None, 0), (2.0, 1)):
        weights = LossWeights(['good', 'bad'], total=total)
        optimizer = torch.optim.Adam([weights.alpha], lr=0.1)
        for _ in range(5):
            weights.alpha.grad = weights.tangent(torch.tensor([-10.0, -9.0]))
            optimizer.step()
            weights.project()
        good, bad = weights.alpha.tolist()
        assert (good - bad > 0.9) == bool(expected), weights.best()
        assert total is None or good + bad == pytest.approx(total)
    assert LossWeights(['a', 'b']).tangent(torch.tensor([1.0, 3.0])).tolist() == [1.0, 3.0]


def test_weights_do_not_fall_below_zero():
    weights = LossWeights(['l1', 'l2'])
    with torch.no_grad():
        weights.alpha.copy_(torch.tensor([-0.25, 2.0]))
    weights.project()
    assert weights.best() == dict(l1=0.0, l2=2.0)


@pytest.mark.parametrize('given, match', [
    (dict(l1=1.0), r"No weight of the terms \['l2'\]"), (dict(l1=1.0, l2=1.0, l3=1.0), "no term 'l3'"),
    (dict(l1=1.0, l2=-1.0), "at least 0; got {'l2': -1.0}"), (dict(l1=1.0, l2=float('nan')), 'finite')])
def test_weights_of_other_terms_are_refused(given, match):
    with pytest.raises(ValueError, match=match):
        LossWeights(['l1', 'l2']).derived(given)


@pytest.mark.parametrize('arguments', [
    dict(terms=[]), dict(terms=['a', 'a']), dict(terms=['a'], init_value=-1.0), dict(terms=['a'], total=0.0)])
def test_no_loss_weights_without_terms(arguments):
    with pytest.raises(ValueError, match='LossWeights got'):
        LossWeights(**arguments)


def test_a_space_knows_weights_beside_choices(tmp_path):
    space = SearchSpace(Model())
    assert list(space.variables) == ['loss.layer', 'loss.weights'] and len(space) == 2
    assert [len(alpha) for alpha in space.alphas(space.choices).values()] == [2]
    with torch.no_grad():
        space.loss_weights['loss.weights'].alpha.copy_(torch.tensor([0.25, 1.5]))
    genotype = space.genotype()
    assert genotype.weights == {'loss.weights': dict(l1=0.25, l2=1.5)}
    genotype.save(tmp_path / 'g.json')
    assert Genotype.load(tmp_path / 'g.json') == genotype
    part = Genotype.load(f'{tmp_path / "g.json"}#loss')
    assert part.weights == dict(weights=dict(l1=0.25, l2=1.5)) and part.choices == dict(layer='a')
    derived = Loss(part)
    assert isinstance(derived.weights, FixedLossWeights) and not list(derived.parameters())
    assert {name: float(value) for name, value in derived.weights(terms()).items()} == dict(l1=0.5, l2=4.5)


def test_a_term_of_no_weight_is_not_used():
    fixed = LossWeights(['l1', 'l2']).derived(dict(l1=0.0, l2=2.0))
    assert fixed.used == ('l2',) and list(fixed(dict(l2=torch.tensor(1.0)))) == ['l2']


def test_other_terms_are_another_space():
    other = LossWeights(['l1', 'l3'])
    assert SearchSpace(nn.Sequential(other)).hash != SearchSpace(nn.Sequential(LossWeights(['l1', 'l2']))).hash
    with pytest.raises(ValueError, match=r"has the weights \[\], Loss needs \['weights'\]"):
        Loss(dict(choices=dict(layer='a')))
    with pytest.raises(ValueError, match="no term 'l3'"):
        Loss(dict(choices=dict(layer='a'), weights=dict(weights=dict(l1=1.0, l3=1.0))))


def test_a_genotype_of_weights_alone(tmp_path):
    file = tmp_path / 'g.json'
    file.write_text(json.dumps(dict(weights=dict(weights=dict(l1=1, l2=2)))))
    assert Genotype.load(file).choices == {}
    file.write_text(json.dumps(dict(weights=dict(weights=3))))
    with pytest.raises(ValueError, match="the weights 'weights' are 3"):
        Genotype.load(file)
