"""Random choice, the row that strategies are compared with."""
import torch
from scipy.stats import kstest
from torch import nn

from mmfusenas.nas import Choice, SearchSpace
from mmfusenas.registry import SEARCH_STRATEGIES


def supernet():
    model = nn.Sequential(*(Choice({name: nn.Linear(2, 2) for name in 'abc'}) for _ in range(2))).double()
    space = SearchSpace(model)
    space.relax()
    return model, space


def gradients(loss_of, seed=0):
    torch.manual_seed(seed)
    model, space = supernet()

    def loss():
        return loss_of(model(torch.ones(4, 2).double()))

    torch.manual_seed(seed)
    grads, log = SEARCH_STRATEGIES.build(dict(type='RandomChoice'))(
        loss, loss, list(space.alphas().values()), [p for p in model.parameters() if p.requires_grad])
    return grads, log


def test_it_does_not_look_at_the_losses():
    first, log = gradients(lambda out: out.square().mean())
    second, other = gradients(lambda out: -100 * out.sum())
    assert all(map(torch.equal, first, second)) and log['upper_loss'] != other['upper_loss']
    assert not torch.equal(first[0], gradients(lambda out: out.sum(), seed=1)[0][0])


def test_the_numbers_are_normal():
    torch.manual_seed(0)
    choices, weight = [torch.zeros(1000), torch.zeros(1000)], torch.zeros(1, requires_grad=True)
    grads, _ = SEARCH_STRATEGIES.build(dict(type='RandomChoice'))(weight.sum, weight.sum, choices, [weight])
    for grad in grads:
        assert kstest(grad, 'norm').pvalue > 0.01
    assert abs(torch.corrcoef(torch.stack(grads))[0, 1]) < 0.1


def test_every_candidate_comes_out_alike_often():
    torch.manual_seed(0)
    _, space = supernet()
    strategy, weight = SEARCH_STRATEGIES.build(dict(type='RandomChoice')), torch.zeros(1, requires_grad=True)
    counts = torch.zeros(2, 3)
    for _ in range(300):
        for alpha in space.alphas().values():
            alpha.zero_()
        optimizer = torch.optim.Adam(list(space.alphas().values()), lr=0.05, betas=(0.5, 0.999))
        for _ in range(5):
            grads, _ = strategy(lambda: weight.sum() + sum(a.sum() for a in space.alphas().values()), weight.sum,
                                list(space.alphas().values()), [weight])
            for alpha, grad in zip(space.alphas().values(), grads):
                alpha.grad = grad
            optimizer.step()
            optimizer.zero_grad()
        for row, choice in zip(counts, space.choices.values()):
            row[choice.candidates.index(choice.best())] += 1
    assert (counts - 100).abs().max() < 35  # more than four standard deviations
