"""Two-level problems that the tests of the hyper-gradients share."""
import copy

import torch
from torch import nn

LR = 0.3


def assert_close(got, expected, rtol=1e-6):
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

    def __init__(self, norm=True, decay=0.0):
        torch.manual_seed(0)
        self.net = Net(norm).double()
        self.batches = {name: (torch.randn(8, 3, dtype=torch.float64), torch.randn(8, 1, dtype=torch.float64))
                        for name in ('upper', 'lower')}
        self.decay, self.steps, self.max_norm = decay, 1, None
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
        if self.max_norm:
            torch.nn.utils.clip_grad_norm_(self.weights, self.max_norm)
        self.optimizer.step()

    def upper_after_step(self):
        """The whole inner steps, by the optimizer itself, on copies of everything that changes."""
        state = copy.deepcopy((self.net.state_dict(), self.optimizer.state_dict()))
        for _ in range(self.steps):
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
    exact_3=dict(type='Unrolled', exact=True, steps=3), difference_3=dict(type='Unrolled', steps=3),
    gauss_newton=dict(type='ImplicitGaussNewton'), neumann=dict(type='Neumann', lr=0.1, steps=3),
    conjugate=dict(type='ConjugateGradient', steps=3, damping=1.0))
