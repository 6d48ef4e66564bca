"""Weights of a loss as upper-level variables: closed forms, finite differences, and a mixture that is known."""
import pytest
import torch

from mmfusenas.nas import FirstOrder, ImplicitGaussNewton, LossWeights, Unrolled

LR = 0.1


class Fit:
    """L = l_1 / 2 |w - a|^2 + l_2 / 2 |w - b|^2 and U = 1/2 |w - c|^2."""

    def __init__(self, weights=(1.0, 1.0), wanted=0.25):
        self.weights = LossWeights(['first', 'second'])
        self.weights.relax()
        with torch.no_grad():
            self.weights.alpha.copy_(torch.tensor(weights))
        self.weights.double()
        self.a, self.b = torch.tensor([[0.0, 1.0], [2.0, -1.0]], dtype=torch.float64)
        self.c = (1 - wanted) * self.a + wanted * self.b
        self.w = torch.tensor([0.3, 0.9], dtype=torch.float64, requires_grad=True)

    def terms(self):
        return dict(first=(self.w - self.a).square().sum() / 2, second=(self.w - self.b).square().sum() / 2)

    def lower(self):
        return sum(self.weights(self.terms()).values())

    def upper(self):
        return (self.w - self.c).square().sum() / 2

    def gradient(self, strategy, **inner):
        return strategy(self.upper, self.lower, [self.weights.alpha], [self.w], inner=dict(lr=LR, **inner))[0][0]


@pytest.mark.parametrize('exact', [True, False])
def test_the_unrolled_gradient_has_its_closed_form(exact):
    fit = Fit((0.7, 1.4))
    w = fit.w.detach()
    one, two = w - fit.a, w - fit.b
    moved = w - LR * (0.7 * one + 1.4 * two)
    expected = torch.stack([-LR * (moved - fit.c) @ one, -LR * (moved - fit.c) @ two])
    torch.testing.assert_close(fit.gradient(Unrolled(exact=exact)), expected, rtol=1e-6, atol=0)


def test_the_unrolled_gradient_is_the_finite_difference():
    def answer(weights):
        fit = Fit(weights)
        grad, = torch.autograd.grad(fit.lower(), fit.w)
        with torch.no_grad():
            fit.w.sub_(grad, alpha=LR)
        return float(fit.upper())

    h = 1e-3
    grad = Fit((0.7, 1.4)).gradient(Unrolled(exact=True))
    for i in range(2):
        ends = [answer([value + sign * h * (j == i) for j, value in enumerate((0.7, 1.4))]) for sign in (1, -1)]
        assert float(grad[i]) == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-4)


def test_gauss_newton_takes_the_part_of_the_terms_that_the_upper_gradient_sees():
    """TIM eq. 4: U does not see the weights of the loss, so what is left is -fraction times the terms."""
    fit = Fit((0.7, 1.4))
    w = fit.w.detach()
    lower = 0.7 * (w - fit.a) + 1.4 * (w - fit.b)
    fraction = (lower @ (w - fit.c)) / (lower @ lower)
    terms = torch.stack([term.detach() for term in fit.terms().values()])
    torch.testing.assert_close(fit.gradient(ImplicitGaussNewton()), -fraction * terms)
    assert not fit.gradient(FirstOrder()).any(), 'without the answer of the weights there is nothing to go by'


@pytest.mark.parametrize('wanted', [0.25, 0.6, 0.9])
def test_the_search_finds_the_known_mixture(wanted):
    """Where c = (1 - m) a + m b, the loss with l_2 / (l_1 + l_2) = m has its minimum at c."""
    fit = Fit(wanted=wanted)
    optimizer = torch.optim.Adam([fit.weights.alpha], lr=0.02, betas=(0.5, 0.999))
    for _ in range(600):
        grad, = torch.autograd.grad(fit.lower(), fit.w)
        with torch.no_grad():
            fit.w.sub_(grad, alpha=LR)
        fit.weights.alpha.grad = fit.gradient(Unrolled())
        optimizer.step()
        fit.weights.project()
    first, second = fit.weights.best().values()
    assert second / (first + second) == pytest.approx(wanted, abs=0.01)
    assert float((fit.w - fit.c).norm()) < 0.02


def test_a_term_that_only_does_harm_is_given_up():
    fit = Fit(wanted=-0.2)  # beyond a: b pulls the wrong way
    optimizer = torch.optim.Adam([fit.weights.alpha], lr=0.02, betas=(0.5, 0.999))
    for _ in range(400):
        grad, = torch.autograd.grad(fit.lower(), fit.w)
        with torch.no_grad():
            fit.w.sub_(grad, alpha=LR)
        fit.weights.alpha.grad = fit.gradient(Unrolled())
        optimizer.step()
        fit.weights.project()
    assert fit.weights.best()['second'] == 0 < fit.weights.best()['first']
