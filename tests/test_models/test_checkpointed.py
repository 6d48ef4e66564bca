"""Scene modules with gradient checkpointing: less is kept, nothing else changes."""
import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call

from mmfusenas.models.scene import EnhancementNet, TIMFusion
from mmfusenas.models.utils.checkpointed import checkpointed
from mmfusenas.nas import (
    ConjugateGradient,
    FirstOrder,
    ImplicitGaussNewton,
    Neumann,
    SearchSpace,
    Unrolled,
    inner_step,
)

INPUTS = dict(visible=torch.rand(2, 3, 21, 26, generator=torch.Generator().manual_seed(0)),
              infrared=torch.rand(2, 1, 21, 26, generator=torch.Generator().manual_seed(1)))


def twins(**options):
    """The same network with and without checkpointing."""
    torch.manual_seed(0)
    net = TIMFusion(channels=8, loss=dict(type='FusionLoss'), **options)
    twin = copy.deepcopy(net)
    twin.with_cp = True
    return net, twin


def same(first, second):
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize('amp', [False, True])
@pytest.mark.parametrize('training', [False, True])  # in evaluation mode BatchNorm is as with norm_eval
@pytest.mark.parametrize('genotype', ['tim-light', 'tim-full', None])
def test_losses_gradients_and_statistics_are_the_same(genotype, training, amp):
    results = []
    for net in twins(genotype=genotype, num_cells=2 if genotype else 1):
        net.train(training)
        SearchSpace(net).relax()
        with torch.autocast('cpu', torch.bfloat16, enabled=amp):
            loss = sum(net(INPUTS, mode='loss').values())
        between = [buffer.clone() for buffer in net.buffers()]
        loss.backward()
        same(between, net.buffers())  # counted in the first pass, not again in the backward pass
        results.append([loss.detach(), *(p.grad for p in net.parameters() if p.requires_grad), *net.buffers()])
    same(*results)


def test_statistics_are_those_of_one_pass():
    norm, x = nn.BatchNorm2d(1, momentum=0.5), torch.full((2, 1, 3, 3), 4.0, requires_grad=True)
    checkpointed(norm, x).sum().backward()
    assert (norm.running_mean.item(), norm.num_batches_tracked.item()) == (2, 1)


def test_less_is_kept():
    def kept(net):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.numel()) or x, lambda x: x):
            net.fuse(INPUTS['visible'][:, :1], INPUTS['infrared'])
        return sum(sizes)

    plain, checkpointing = map(kept, twins(genotype='tim-light'))
    assert checkpointing == 2 * 21 * 26 * (2 + 3 * 8) < plain / 10  # what stem, two cells and head begin with


def test_without_a_graph_there_is_nothing_to_compute_again(monkeypatch):
    monkeypatch.setattr('mmfusenas.models.utils.checkpointed.checkpoint', None)
    with torch.no_grad():
        assert checkpointed(nn.ReLU(), torch.ones(1)) == 1


@pytest.mark.parametrize('merge', ['attention', 'concat'])
def test_the_enhancement_network_is_the_same(merge):
    torch.manual_seed(0)
    net = EnhancementNet(genotype='tim-enhance', channels=8, merge=merge)
    results = []
    for with_cp in (False, True):
        twin = copy.deepcopy(net)
        twin.with_cp = with_cp
        out = twin(INPUTS['visible'][:, :1], INPUTS['infrared'], INPUTS['visible'][:, 1:2])
        sum(x.square().mean() for x in out.values()).backward()
        results.append([*out.values(), *(p.grad for p in twin.parameters()), *twin.buffers()])
    same(*results)


@pytest.mark.parametrize('strategy', [
    FirstOrder(), ImplicitGaussNewton(), Unrolled(), Unrolled(exact=True), Neumann(lr=1e-3, steps=2),
    ConjugateGradient(steps=2, damping=1.0)], ids=lambda strategy: type(strategy).__name__)
def test_hyper_gradients_are_the_same(strategy):
    upper = dict(visible=INPUTS['visible'].flip(3), infrared=INPUTS['infrared'].flip(3))

    def hyper_gradient(net):
        net.train()
        space = SearchSpace(net)
        space.relax()
        weights = [p for p in net.parameters() if p.requires_grad]
        inner = inner_step(torch.optim.SGD(weights, lr=0.1, momentum=0.9), weights)
        before = [buffer.clone() for buffer in net.buffers()]
        grads, log = strategy(lambda: sum(net(upper, mode='loss').values()),
                              lambda: sum(net(INPUTS, mode='loss').values()),
                              list(space.alphas().values()), weights, list(net.buffers()), inner)
        same(before, net.buffers())
        return [*grads, *log.values()]

    plain, checkpointing = map(hyper_gradient, twins(
        cells=['successive'], num_cells=1, operators=['rb_3', 'ca_3', 'dc_3']))
    same(plain, checkpointing)
    assert all(grad.any() for grad in plain[1:3])  # of the operators; there is one type of cell


def test_gradients_through_steps_are_the_same():
    """As MetaInitLoop takes them in second order: weights that stand in for the module's own for one call."""
    results = []
    for net in twins(genotype='tim-light'):
        start = {name: p for name, p in net.named_parameters() if p.requires_grad}
        reached = dict(start)
        for _ in range(3):
            loss = sum(functional_call(net, reached, (INPUTS,), dict(mode='loss')).values())
            grads = torch.autograd.grad(loss, list(reached.values()), create_graph=True)
            reached = {name: p - 0.1 * grad for (name, p), grad in zip(reached.items(), grads)}
        results.append([*torch.autograd.grad(loss, list(start.values())), *net.buffers()])
    same(*results)
