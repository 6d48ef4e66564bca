"""All choices of a model: their names, order and nesting, and the networks derived from them."""
import copy
import math
import pickle

import pytest
import torch
from torch import nn

from mmfusenas.models.cells import DecompositionCell, MultiScaleCell, SuccessiveCell
from mmfusenas.models.scene import TIMFusion
from mmfusenas.nas import Choice, Genotype, LossWeights, Searchable, SearchSpace, searchable_parts

OPERATORS = ['ca_3', 'sa_3', 'dc_5', 'rb_3', 'db_3', 'sc_3']
TINY = dict(channels=8, operators=['rb_3', 'ca_3'])


class Block(nn.Module):
    """A choice inside a candidate of a choice."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Choice(dict(skip=nn.Identity(), conv=nn.Conv2d(4, 4, 3, padding=1)))

    def forward(self, x):
        return self.inner(x) + 1


class Net(Searchable, nn.Module):
    """A plain choice, and one whose candidates are a block with a choice, a bare choice, and an operator."""

    def __init__(self, genotype=None) -> None:
        super().__init__()
        self.first = Choice(dict(skip=nn.Identity(), relu=nn.ReLU()))
        nested = Choice(dict(skip=nn.Identity(), tanh=nn.Tanh()))
        self.second = Choice(dict(block=Block(), nested=nested, relu=nn.ReLU()), label='type')
        self.specialize(genotype)

    def forward(self, x):
        return self.second(self.first(x))


NAMES = ['first', 'second.type', 'second.block.inner', 'second.nested']


def test_names_are_paths_in_the_order_of_the_tree():
    space = SearchSpace(Net())
    assert list(space.choices) == NAMES
    assert len(space) == 4
    assert {name: len(alpha) for name, alpha in space.alphas().items()} == dict(zip(space.choices, [2, 3, 2, 2]))
    assert space.alphas(['first'])['first'] is space.model.first.alpha
    assert space.conditions('first') == ()
    assert space.conditions('second.block.inner') == ((('second.type', 'block'), ), )


def test_choices_inside_what_was_not_chosen_are_left_out():
    space = SearchSpace(Net())
    everything = {'first': 'relu', 'second.type': 'nested', 'second.block.inner': 'conv', 'second.nested': 'tanh'}
    expected = {'first': 'relu', 'second.type': 'nested', 'second.nested': 'tanh'}
    assert space.active(everything) == expected
    space.select(everything)
    assert space.genotype().choices == expected


@pytest.mark.parametrize('choices', [
    {'first': 'relu', 'second.type': 'block', 'second.block.inner': 'conv'},
    {'first': 'skip', 'second.type': 'nested', 'second.nested': 'tanh'},
    {'first': 'relu', 'second.type': 'relu'},
])  # fmt: skip
def test_derived_network_holds_no_choice_and_computes_the_same(choices):
    net = Net()
    space = SearchSpace(net)
    space.select(choices)
    x = torch.randn(1, 4, 5, 7)
    derived = space.derive(space.genotype())
    assert not any(isinstance(module, Choice) for module in derived.modules())
    assert not any('alpha' in name for name in derived.state_dict())
    assert torch.equal(derived(x), net(x))
    assert isinstance(net.first, Choice), 'the supernet is not touched'
    built = Net(genotype=space.genotype())
    built.load_state_dict(derived.state_dict(), strict=True)
    assert torch.equal(built(x), net(x))


def network(kind):
    if kind == 'fusion':
        return TIMFusion(channels=8, num_cells=1, operators=OPERATORS)
    return dict(successive=SuccessiveCell, decomposition=DecompositionCell, multi_scale=MultiScaleCell)[kind](
        channels=8, operators=OPERATORS
    )


def run(model, x):
    return model.fuse(x[:, :1], x[:, 1:2]) if isinstance(model, TIMFusion) else model(x)


@pytest.mark.parametrize('kind', ['successive', 'decomposition', 'multi_scale', 'fusion'])
@pytest.mark.parametrize('seed', range(3))
def test_derived_network_equals_the_supernet_with_one_hot_choices(kind, seed):
    """Both by selection, and as the limit of the relaxed network whose alphas are far apart."""
    torch.manual_seed(seed)
    supernet = network(kind).double()
    x = torch.randn(2, 8, 21, 26, dtype=torch.float64)
    space = SearchSpace(supernet)
    space.relax()
    run(supernet, x)  # batch statistics other than the initial ones
    supernet.eval()
    choices = {name: choice.candidates[int(torch.randint(len(choice.candidates), ()))]
               for name, choice in space.choices.items()}
    for name, choice in space.choices.items():
        choice.alpha.data.fill_(-200.0)[choice.candidates.index(choices[name])] = 200.0
    with torch.no_grad():
        relaxed = run(supernet, x)
        genotype = space.genotype()
        assert genotype.choices == space.active(choices)
        space.select(choices)
        selected = run(supernet, x)
        derived = run(space.derive(genotype), x)
    torch.testing.assert_close(derived, selected, atol=1e-12, rtol=0)
    torch.testing.assert_close(derived, relaxed, atol=1e-6, rtol=0)
    assert derived.std() > 0


def test_relaxed_supernet_is_not_the_derived_network():
    """Holds the test above honest: with alphas of 0 the two differ."""
    torch.manual_seed(0)
    supernet = network('successive').eval()
    space = SearchSpace(supernet)
    x = torch.randn(1, 8, 9, 9)
    derived = space.derive(space.genotype())
    space.relax()
    assert (derived(x) - supernet(x)).abs().max() > 1e-2


def test_relax_some_choices_only():
    space = SearchSpace(Net())
    space.relax(['first'])
    assert [choice.relaxed for choice in space.choices.values()] == [True, False, False, False]
    with pytest.raises(RuntimeError, match='nor fixed'):
        space.model(torch.randn(1, 4, 5, 7))


def test_supernet_neither_relaxed_nor_fixed_is_an_error():
    with pytest.raises(RuntimeError, match='is a supernet'):
        TIMFusion(**TINY).fuse(torch.rand(1, 1, 16, 16), torch.rand(1, 1, 16, 16))


def test_samples_repeat_with_the_generator_and_reach_every_candidate():
    space = SearchSpace(Net())

    def draws(seed, count=100):
        generator = torch.Generator().manual_seed(seed)
        return [space.sample(generator) for _ in range(count)]

    state = torch.get_rng_state()
    assert draws(0) == draws(0)
    assert torch.equal(torch.get_rng_state(), state), 'the global generator is left alone'
    assert draws(0) != draws(1)
    seen = {(name, value) for drawn in draws(0) for name, value in drawn.items()}
    assert seen == {(name, value) for name, choice in space.choices.items() for value in choice.candidates}
    for drawn in draws(2):
        space.check(Genotype(drawn))
        assert ('second.block.inner' in drawn) == (drawn['second.type'] == 'block')


def test_entropy_falls_to_zero_where_all_is_fixed():
    space = SearchSpace(Net())
    uniform = (3 * math.log(2) + math.log(3)) / 4
    assert space.entropy() == pytest.approx(uniform)
    space.model.first.alpha.data = torch.tensor([1.0, 3.0]).log()
    first = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert space.entropy() == pytest.approx((first + 2 * math.log(2) + math.log(3)) / 4)
    space.select({'first': 'skip', 'second.type': 'relu', 'second.block.inner': 'skip', 'second.nested': 'skip'})
    assert space.entropy() == 0


@pytest.mark.parametrize(('choices', 'message'), [
    ({'frist': 'relu'}, "Net has no choice 'frist'; the nearest is 'first'"),
    ({'first': 'rleu'}, "Choice 'first' has no candidate 'rleu'; the nearest is 'relu'"),
])  # fmt: skip
def test_unknown_names_are_named_with_the_nearest(choices, message):
    space = SearchSpace(Net())
    for attempt in (space.select, lambda names: space.derive(Genotype(names)), lambda names: Net(dict(choices=names))):
        with pytest.raises(ValueError, match=message):
            attempt(choices)
    assert all(choice.selected is None for choice in space.choices.values())


def test_missing_decision_is_named():
    with pytest.raises(ValueError, match=r"does not decide 'second.block.inner' of Net \(1 choices missing\)"):
        Net(dict(choices={'first': 'relu', 'second.type': 'block'}))


def test_genotype_of_another_space_is_refused():
    genotype = SearchSpace(TIMFusion(channels=8, operators=['rb_3', 'ca_3'])).genotype()
    with pytest.raises(ValueError, match='the candidates differ'):
        TIMFusion(genotype=genotype, channels=8, operators=['ca_3', 'rb_3'])
    with pytest.raises(ValueError, match="Net has no choice 'cells.0.type'"):
        Net(genotype)


def test_hash_tells_spaces_apart_and_nothing_else():
    base = SearchSpace(TIMFusion(**TINY)).hash
    assert SearchSpace(TIMFusion(**dict(TINY, channels=16))).hash == base, 'widths are not decisions'
    assert SearchSpace(TIMFusion(**TINY, num_cells=3)).hash != base
    assert SearchSpace(TIMFusion(**dict(TINY, operators=['ca_3', 'rb_3']))).hash != base
    assert SearchSpace(TIMFusion(**TINY, cells=['successive', 'multi_scale'])).hash != base


class Outer(nn.Module):
    """Two searchable parts, one of them decided, beside a choice of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Net()
        self.task = nn.ModuleDict(dict(neck=Net()))
        self.found = Net(dict(choices={'first': 'relu', 'second.type': 'relu'}))
        self.own = Choice(dict(skip=nn.Identity(), relu=nn.ReLU()))


def test_parts_of_a_genotype_build_the_parts_of_the_model():
    outer = Outer()
    space = SearchSpace(outer)
    space.select({'scene.first': 'relu', 'scene.second.type': 'relu', 'task.neck.second.type': 'nested',
                  'task.neck.second.nested': 'tanh', 'own': 'relu'})
    genotype = space.genotype()
    assert list(searchable_parts(outer)) == list(genotype.parts) == ['scene', 'task.neck']
    part = genotype.part('task.neck')
    assert part.choices == {'first': 'skip', 'second.type': 'nested', 'second.nested': 'tanh'}
    assert (part.space, part.space_hash) == ('Net', SearchSpace(Net()).hash)
    x = torch.randn(1, 4, 5, 7)
    assert torch.equal(Net(part)(x), x.tanh())
    with pytest.raises(ValueError, match=r"FILE#PART: \['scene', 'task\.neck'\]"):
        Net(Genotype(choices={}, parts=genotype.parts))


def test_space_of_a_bare_choice():
    with pytest.raises(ValueError, match='wrap|holds it'):
        SearchSpace(Choice(dict(skip=nn.Identity())))


@pytest.mark.parametrize('duplicate', [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_and_state_dicts_of_a_supernet(duplicate):
    net = Net()
    net.first.alpha.data = torch.tensor([0.0, 1.0])
    SearchSpace(net).relax()
    x = torch.randn(1, 4, 5, 7)
    again = duplicate(net)
    assert torch.equal(again(x), net(x))
    assert SearchSpace(again).hash == SearchSpace(net).hash
    fresh = Net()
    fresh.load_state_dict(net.state_dict(), strict=True)
    SearchSpace(fresh).relax()
    assert torch.equal(fresh(x), net(x))
    assert SearchSpace(fresh).genotype() == SearchSpace(net).genotype()


# --- shared modules -------------------------------------------------------------------------------------------------

class Shared(nn.Module):
    """One choice under two names of a module and in a list, and a block with choices in two candidates of another."""

    def __init__(self) -> None:
        super().__init__()
        self.op = Choice(dict(skip=nn.Identity(), conv=nn.Conv2d(4, 4, 3, padding=1)))
        self.alias = self.op
        self.ops = nn.ModuleList([self.op, Choice(dict(relu=nn.ReLU(), tanh=nn.Tanh())), self.op])
        block = Net()
        self.kind = Choice(dict(relu=nn.ReLU(), once=nn.Sequential(block), twice=nn.Sequential(block, block)))

    def forward(self, x):
        return self.kind(self.alias(self.op(x))) + self.ops[2](self.ops[1](self.ops[0](x)))


def test_a_shared_choice_is_one_choice():
    net = Shared()
    space = SearchSpace(net)
    inside = [f'kind.once.0.{name}' for name in NAMES]
    assert list(space.choices) == ['op', 'ops.1', 'kind', *inside]
    assert space.conditions('op') == () and space.conditions(inside[0]) == ((('kind', 'once'), ('kind', 'twice')), )
    assert space.conditions(inside[2]) == (
        (('kind', 'once'), ('kind', 'twice')), ((inside[1], 'block'), ))
    assert space.active(dict(space.sample(), kind='relu')).keys() == {'op', 'ops.1', 'kind'}
    alphas = list(space.alphas().values())
    assert len({id(alpha) for alpha in alphas}) == len(alphas)


@pytest.mark.parametrize('kind', ['once', 'twice', 'relu'])
def test_a_shared_choice_is_derived_in_all_its_places(kind):
    torch.manual_seed(0)
    net = Shared()
    space, inside = SearchSpace(net), 'kind.once.0'
    space.relax()
    space.select({'op': 'conv', 'ops.1': 'tanh', 'kind': kind, f'{inside}.first': 'skip',
                  f'{inside}.second.type': 'block', f'{inside}.second.block.inner': 'conv'})
    x = torch.randn(1, 4, 5, 7)
    derived = space.derive(space.genotype())
    assert not any(isinstance(module, Choice) for module in derived.modules())
    assert derived.op is derived.alias is derived.ops[2], 'weights stay shared'
    assert torch.equal(derived(x), net(x)) and isinstance(net.alias, Choice)
    if kind == 'twice':
        assert derived.kind[0] is derived.kind[1]


def test_a_shared_optional_part_and_shared_weights_of_a_loss_are_derived():
    class Optional(Net):
        def __init__(self) -> None:
            super().__init__()
            self.extra = nn.ReLU()

        def optional_parts(self):
            return {'extra': (('first', 'relu'), )}

    net = nn.ModuleDict()
    net['a'] = net['b'] = Optional()
    net['loss'] = net['same'] = LossWeights(['l1', 'tv'])
    space = SearchSpace(net)
    assert list(space.optional) == ['a.extra'] and space.optional['a.extra'] == (('a.first', 'relu'), )
    space.relax()
    derived = space.derive(space.genotype())
    assert isinstance(derived['b'].extra, nn.Identity)
    assert derived['loss'] is derived['same'] and not isinstance(derived['same'], LossWeights)
