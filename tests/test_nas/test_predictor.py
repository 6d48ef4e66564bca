"""The performance predictor: its loss by hand, and that it learns an order."""
import pytest
import torch
from scipy.stats import kendalltau

from mmfusenas.models.restorers import GuidedSRNet
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.predictor import PathPredictor, fit_predictor, ranking_loss
from mmfusenas.nas.sampling import PathSampler


def test_ranking_loss_by_hand():
    scores, truth = torch.tensor([0.5, 0.45, 2.0]), torch.tensor([3.0, 2.0, 1.0])
    # (0, 1) right by 0.05, less than the margin; (0, 2) and (1, 2) wrong by 1.5 and 1.55
    assert float(ranking_loss(scores, truth)) == pytest.approx((0.05 + 1.6 + 1.65) / 3)
    assert float(ranking_loss(torch.tensor([3.0, 2.0, 1.0]), truth)) == 0
    assert float(ranking_loss(scores, torch.ones(3))) == 0
    two = torch.tensor([1.0, 1.0, 2.0])  # equal ones are no pair
    assert float(ranking_loss(scores, two)) == 0


def test_the_gradient_of_the_ranking_loss():
    scores = torch.randn(6, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    truth = torch.randn(6, generator=torch.Generator().manual_seed(1))
    assert torch.autograd.gradcheck(lambda s: ranking_loss(s, truth), scores)


def paths_with_scores(number, seed):
    generator = torch.Generator().manual_seed(seed)
    paths = torch.randint(5, (number, 12), generator=generator)
    used = torch.rand(number, 12, generator=generator) > 0.2
    worth = torch.linspace(-1, 1, 60).view(12, 5)[:, torch.tensor([2, 0, 4, 1, 3])]
    constraint = torch.rand(number, generator=generator)
    return paths, used, constraint, (worth.gather(1, paths.T).T * used).sum(1)


@pytest.mark.parametrize('loss', ['rank', 'l1', 'l2'])
def test_it_learns_an_order_that_holds_for_paths_it_has_not_seen(loss):
    torch.manual_seed(0)
    predictor = PathPredictor([5] * 12, 8, 16)
    optimizer = torch.optim.Adam(predictor.parameters(), 1e-2)
    *held_out, truth = paths_with_scores(200, 1)
    with torch.no_grad():
        before = kendalltau(predictor(*held_out), truth).statistic
    first = fit_predictor(predictor, optimizer, paths_with_scores(300, 0), loss, epochs=1)
    last = fit_predictor(predictor, optimizer, paths_with_scores(300, 0), loss, epochs=30)
    with torch.no_grad():
        after = kendalltau(predictor(*held_out), truth).statistic
    assert last < 0.5 * first and after > 0.7 > abs(before)


def test_the_score_by_hand():
    """The perceptron of the mean of the states that a GRU has in both directions, and of the embedded constraint."""
    torch.manual_seed(0)
    predictor = PathPredictor([5] * 12, 8, 16)
    paths, used, constraint, _ = paths_with_scores(4, 0)
    tokens = torch.where(used, 1 + 5 * torch.arange(12) + paths, 0)
    embedded, states = predictor.embedding.weight[tokens], []
    for suffix, order in (('', range(12)), ('_reverse', range(11, -1, -1))):
        cell = torch.nn.GRUCell(8, 16)
        cell.load_state_dict({name: getattr(predictor.gru, f'{name}_l0{suffix}') for name in cell.state_dict()})
        state, total = torch.zeros(4, 16), 0
        for i in order:
            state = cell(embedded[:, i], state)
            total = total + state
        states.append(total / 12)
    states.append(constraint[:, None] * predictor.constraint.weight[:, 0] + predictor.constraint.bias)
    torch.testing.assert_close(predictor(paths, used, constraint), predictor.perceptron(torch.cat(states, 1))[:, 0])


def test_the_loss_that_is_returned_is_the_mean_over_the_paths():
    torch.manual_seed(0)
    predictor = PathPredictor([5] * 12, 8, 16)
    *inputs, truth = paths_with_scores(100, 0)
    still = torch.optim.SGD(predictor.parameters(), lr=0.0)
    found = fit_predictor(predictor, still, (*inputs, truth), 'l2', epochs=2, batch_size=32)  # batches of 32 and of 4
    error = predictor(*inputs) - (truth - truth.mean()) / truth.std()
    assert found == pytest.approx(float(error.square().mean()), rel=1e-5)


@pytest.mark.parametrize('loss', ['rank', 'l1', 'l2'])
def test_the_unit_of_the_scores_does_not_matter(loss):
    """Losses of a network differ by thousandths; L1 and L2 would not see it."""
    *inputs, truth = paths_with_scores(100, 0)
    learned = []
    for scores in (truth.double(), 7 + 1e-3 * truth.double()):
        torch.manual_seed(0)
        predictor = PathPredictor([5] * 12, 8, 16)
        fit_predictor(predictor, torch.optim.Adam(predictor.parameters(), 1e-2), (*inputs, scores), loss, epochs=3)
        learned.append(predictor(*inputs))
    torch.testing.assert_close(*learned, rtol=1e-3, atol=1e-3)


def test_it_generalises_in_the_whole_space_from_512_paths():
    space = SearchSpace(GuidedSRNet(channels=8))
    sampler = PathSampler(space)
    generator = torch.Generator().manual_seed(0)
    worth = torch.randn(len(sampler.sizes), 16, dtype=torch.float64, generator=generator)

    def data(paths):
        used, cost = sampler.active(paths), sampler.cost(paths)
        values = (worth.gather(1, paths.T).T * used).sum(1) + 5 * cost / cost.mean()
        return paths, used, cost / 6e5, values / 5

    torch.manual_seed(0)
    predictor = PathPredictor(sampler.sizes.tolist())
    fit_predictor(predictor, torch.optim.Adam(predictor.parameters(), 3e-3), data(sampler.sample(512, generator)),
                  epochs=15)
    *held_out, truth = data(sampler.sample(200, generator))
    alike = data(sampler.sample_between(5.7e5, 6e5, 100, generator))
    with torch.no_grad():
        assert kendalltau(predictor(*held_out), truth).statistic > 0.4
        assert kendalltau(predictor(*alike[:3]), alike[3]).statistic > 0.4  # where the size says nothing


def test_what_does_not_count_does_not_change_a_score():
    predictor = PathPredictor([5] * 12)
    paths, used, constraint, _ = paths_with_scores(4, 0)
    other = torch.where(used, paths, (paths + 1) % 5)
    assert (other != paths).any()
    torch.testing.assert_close(predictor(paths, used, constraint), predictor(other, used, constraint))
    assert (predictor(paths, used, constraint + 1) != predictor(paths, used, constraint)).all()
    with pytest.raises(ValueError, match="loss='hinge'"):
        fit_predictor(predictor, None, (), 'hinge')
