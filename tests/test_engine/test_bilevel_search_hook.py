"""The search hook on the stock Runner."""
import copy
import json
import signal
from itertools import islice
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope

from kits import search as kit
from mmfusenas.engine.hooks import BilevelSearchHook
from mmfusenas.models.losses import FusedImageLoss
from mmfusenas.nas import Choice, SearchSpace
from mmfusenas.nas.cost_table import CostTable
from mmfusenas.nas.expected_cost import ExpectedCost
from mmfusenas.nas.hypergrad import FirstOrder, Unrolled
from mmfusenas.nas.latency import measure_costs
from mmfusenas.nas.space import holds
from mmfusenas.registry import HOOKS, MODELS, SEARCH_STRATEGIES


def alphas(runner):
    return {name: choice.alpha.detach().clone() for name, choice in SearchSpace(runner.model).choices.items()}


def weights(runner):
    return {name: value for name, value in runner.model.state_dict().items() if not name.endswith('alpha')}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def spied(monkeypatch, strategy):
    """Return the list to which a strategy will add (its gradients, what it was told of the weights' step)."""
    calls, call = [], strategy.__call__

    def spy(self, *args, inner=None, **kwargs):
        grads, log = call(self, *args, inner=inner, **kwargs)
        calls.append((grads, inner))
        return grads, log

    monkeypatch.setattr(strategy, '__call__', spy)
    return calls


def test_choices_move_and_weights_are_left_alone(tmp_path):
    # With a rate of zero for the choices the weights are those of a plain training of the uniform mixture: the hook
    # takes nothing from the training's random numbers, statistics, gradients or momentum.
    still = kit.train(kit.config(tmp_path / 'still', search=dict(optimizer=dict(type='SGD', lr=0.0))))
    never = kit.train(kit.config(tmp_path / 'never', search=dict(begin=100)))
    moved = kit.train(kit.config(tmp_path / 'moved', search={}))
    assert same(weights(still), weights(never))
    assert all(not alpha.any() for alpha in alphas(still).values())
    assert all(alpha.abs().sum() > 0 for alpha in alphas(moved).values())
    assert all(choice.alpha.grad is None and not choice.alpha.requires_grad
               for choice in SearchSpace(moved.model).choices.values())


def test_one_step_is_the_hyper_gradient_of_the_two_batches(tmp_path):
    # FirstOrder is dU/dalpha on the search split's first batch, at the weights after the interval.
    runner = kit.train(kit.config(tmp_path, stop=2, search=dict(
        strategy=dict(type='FirstOrder'), optimizer=dict(type='SGD', lr=1.0))))
    hook = kit.hook_of(runner, 'BilevelSearchHook')
    moved = alphas(runner)
    hook.streams[0].seek(0)
    batch = runner.model.data_preprocessor(next(hook.streams[0]), True)
    for choice in hook.space.choices.values():
        torch.nn.init.zeros_(choice.alpha)
    grads, _ = FirstOrder()(
        lambda: runner.model.parse_losses(runner.model(**batch, mode='loss'))[0], lambda: None,
        list(hook.space.alphas().values()), [p for p in runner.model.parameters() if p.requires_grad],
        buffers=list(runner.model.buffers()))
    for (name, alpha), grad in zip(moved.items(), grads, strict=True):
        assert torch.allclose(alpha, -grad, atol=1e-6), name


@HOOKS.register_module(force=True)
class BatchHook(Hook):
    """Keeps the last batch that was trained on."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        runner.batch = data_batch


def test_the_upper_loss_is_of_the_search_split_and_the_lower_one_of_the_batch_just_trained_on(tmp_path):
    asked = []

    class Asking(FirstOrder):
        def __call__(self, upper_loss, lower_loss, *args, **kwargs):
            asked.append([float(upper_loss()), float(lower_loss())])
            return super().__call__(upper_loss, lower_loss, *args, **kwargs)

    SEARCH_STRATEGIES.register_module('Asking', module=Asking, force=True)
    cfg = kit.config(tmp_path, stop=2, search=dict(
        strategy=dict(type='Asking'), optimizer=dict(type='SGD', lr=0.0)))
    cfg.custom_hooks.append(dict(type='BatchHook'))
    runner = kit.train(cfg)
    stream = kit.hook_of(runner, 'BilevelSearchHook').streams[0]
    stream.seek(0)
    losses = [runner.model.parse_losses(runner.model(**runner.model.data_preprocessor(batch, True), mode='loss'))[0]
              for batch in (next(stream), runner.batch)]
    assert asked == [pytest.approx([loss.item() for loss in losses], rel=1e-5)]
    assert abs(losses[0] - losses[1]) > 1e-3 * losses[0]


def test_a_loss_that_draws_is_the_same_each_time_it_is_asked(tmp_path):
    model = dict(copy.deepcopy(kit.RUAS), estimation=dict(type='NoiseEstimation', channels=4))
    runner = kit.train(kit.config(tmp_path, search=dict(strategy=dict(type='FirstOrder')), model=model, stop=2))
    hook = kit.hook_of(runner, 'BilevelSearchHook')
    data = runner.model.data_preprocessor(next(hook.streams[0]), True)
    numbers = torch.get_rng_state()
    first, second, other = (float(hook._loss(runner, data, stream).detach()) for stream in (1, 1, 2))
    assert first == second != other
    assert torch.equal(torch.get_rng_state(), numbers)


def test_the_losses_of_a_phase_are_summed(tmp_path, monkeypatch):
    calls = spied(monkeypatch, FirstOrder)
    guidance = dict(type='GuidanceLoss')
    for losses in (['model'], [guidance], ['model', guidance]):
        options = kit.proxy_search(stop=1)
        options['search']['phases']['proxies']['losses'] = losses
        kit.train(kit.config(tmp_path / str(len(calls)), **options))
    for one, other, both in zip(*(grads for grads, _ in calls), strict=True):
        assert one.any() and other.any()
        torch.testing.assert_close(both, one + other)


def test_the_upper_level_has_a_fusion_loss_of_its_own(tmp_path, monkeypatch):
    calls = spied(monkeypatch, FirstOrder)
    for losses in (['model'], [dict(type='FusedImageLoss', form='information')],
                   [dict(type='FusedImageLoss', form='saliency')]):
        kit.train(kit.config(tmp_path / str(len(calls)), stop=2, search=dict(
            strategy=dict(type='FirstOrder'), phases=dict(all=dict(choices='', losses=losses)))))
    for model, same, other in zip(*(grads for grads, _ in calls), strict=True):
        torch.testing.assert_close(model, same)
        assert (model - other).norm() > 0.01 * model.norm()


def test_a_fusion_loss_of_the_upper_level_needs_two_lumas():
    with pytest.raises(KeyError, match='the model makes image of visible'):
        FusedImageLoss()(dict(image=torch.rand(1, 3, 16, 16)), dict(visible=torch.rand(1, 3, 16, 16)))


@pytest.mark.parametrize('options, steps', [
    (dict(interval=2), 4), (dict(interval=3), 2), (dict(interval=2, begin=4), 2), (dict(interval=2, end=4), 2),
    (dict(interval=2, begin=2, end=6), 2)])
def test_interval_begin_and_end(tmp_path, options, steps):
    runner = kit.train(kit.config(tmp_path, search=options))
    assert kit.hook_of(runner, 'BilevelSearchHook').streams[0].position == steps


@HOOKS.register_module(force=True)
class StepsHook(Hook):
    """Notes after which iterations the weights and the choices had moved; it runs after the search hook."""

    priority = 'LOWEST'

    def values(self, runner):
        parameters = {name: value.detach().clone() for name, value in runner.model.named_parameters()}
        learned = {name: value for name, value in parameters.items() if not name.endswith('alpha')}
        return learned, alphas(runner)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.before = self.values(runner)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.moved = getattr(self, 'moved', [])
        self.moved.append([not same(then, now) for then, now in zip(self.before, self.values(runner))])


@pytest.mark.parametrize('interval, choices', [(1, [3, 6, 8]), (2, [6])])
def test_accumulated_gradients_are_one_weight_step(tmp_path, interval, choices):
    cfg = kit.config(tmp_path, search=dict(interval=interval), **{'optim_wrapper.accumulative_counts': 3})
    cfg.custom_hooks.append(dict(type='StepsHook'))
    moved = kit.hook_of(kit.train(cfg), 'StepsHook').moved
    # Of eight iterations the last two are a step of two batches.
    assert [i for i, (weight, _) in enumerate(moved, 1) if weight] == [3, 6, 8]
    assert [i for i, (_, choice) in enumerate(moved, 1) if choice] == choices


def test_independent_batches_are_averaged_and_compared(tmp_path):
    runner = kit.train(kit.config(tmp_path, search=dict(interval=4, independent=3)))
    assert kit.hook_of(runner, 'BilevelSearchHook').streams[0].position == 2 * 3
    assert -1 <= runner.message_hub.get_scalar('train/search_batch_cosine').current() <= 1
    for options in (dict(independent=0), dict(independent=2, dataloader=None)):
        with pytest.raises(ValueError, match='got independent='):
            BilevelSearchHook(**dict(dict(dataloader=kit.loader()), **options))


def test_two_halves_are_not_read_in_the_same_order(tmp_path):
    runner = kit.train(kit.config(tmp_path, search=dict(interval=1), stop=1))
    training, stream = runner.train_dataloader, kit.hook_of(runner, 'BilevelSearchHook').streams[0].dataloader
    assert len(training.dataset) == len(stream.dataset)
    stream.batch_sampler.set_position()
    order, other = (list(islice(loader.batch_sampler, len(training))) for loader in (training, stream))
    assert sorted(sum(order, [])) == sorted(sum(other, [])) and order != other


def test_a_search_split_that_changed_is_named(tmp_path):
    kit.train(kit.config(tmp_path, search=dict(interval=1), stop=4))
    changed = kit.config(tmp_path, search=dict(interval=1, dataloader=kit.loader(length=16, offset=100)))
    with pytest.raises(RuntimeError, match=r'samples: \d+ then, 16 now'):
        kit.train(changed, resume=True)


@pytest.mark.parametrize('options, key', [
    (dict(optimizer=dict(type='Adam', lr=0.5)), 'optimizer: .*0.1.* then, .*0.5'),
    (dict(strategy=dict(type='FirstOrder')), 'strategy'), (dict(interval=4), 'interval: 2 then, 4 now'),
    (dict(param_scheduler=dict(type='ConstantLR', factor=0.5)), 'param_scheduler: None then'),
    (dict(dataloader=[kit.loader(offset=100), kit.loader(offset=200)]), 'dataloaders: 1 then, 2 now')])
def test_other_settings_do_not_continue_a_search(tmp_path, options, key):
    kit.train(kit.config(tmp_path, search={}, stop=4))
    with pytest.raises(RuntimeError, match=rf'its search differs \(.*{key}'):
        kit.train(kit.config(tmp_path, search=options), resume=True)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_gradient_that_is_not_finite_never_reaches_the_choices(tmp_path, value):
    calls = []

    class Broken(FirstOrder):
        def __call__(self, *args, **kwargs):
            grads, log = super().__call__(*args, **kwargs)
            calls.append(float(log['upper_loss']))
            if len(calls) == 2:
                grads[-1][0] = value  # one number of the last choice; all others are finite
            return grads, log

    SEARCH_STRATEGIES.register_module('Broken', module=Broken, force=True)
    good = kit.train(kit.config(tmp_path / 'good', search=dict(strategy=dict(type='FirstOrder')), stop=2))
    broken = kit.Runner.from_cfg(kit.config(tmp_path / 'broken', search=dict(strategy=dict(type='Broken'))))
    with pytest.raises(FloatingPointError) as error:
        broken.train()
    assert f'iteration 4 (upper_loss {calls[1]:.3g})' in str(error.value)
    assert same(alphas(broken), alphas(good))  # as the first step, at iteration 2, left them
    optimizers = [kit.hook_of(runner, 'BilevelSearchHook').optimizer for runner in (broken, good)]
    for first, second in zip(*(optimizer.state.values() for optimizer in optimizers), strict=True):
        assert same(first, second) and first['step'] == 1


def test_several_processes_have_to_know_that_a_phase_takes_weights_out_of_the_graph(tmp_path):
    @HOOKS.register_module(force=True)
    class Wrapped(BilevelSearchHook):
        def before_train(self, runner):
            runner.model.find_unused_parameters = False  # as the wrapper of several processes has it
            super().before_train(runner)

    phases = PHASES['phases']
    with pytest.raises(ValueError, match='Set find_unused_parameters = True'):
        kit.train(kit.config(tmp_path / 'a', search=dict(type='Wrapped', phases=phases)))
    kit.train(kit.config(tmp_path / 'b', search=dict(type='Wrapped')))
    # Layers whose features are compared are chosen without that anything leaves the graph.
    options = kit.loss_search(tmp_path / 'q')
    options['search']['type'] = 'Wrapped'
    kit.train(kit.config(tmp_path / 'c', epochs=1, **options))


def test_an_interval_below_one_is_named():
    for interval in (0, 1.5, 'often'):
        with pytest.raises(ValueError, match=f'interval={interval}'):
            BilevelSearchHook(interval=interval)
    for begin, end in ((-4, None), (1.5, None), (3, 3), (0, 'late')):
        with pytest.raises(ValueError, match=f'begin={begin} and end={end}'):
            BilevelSearchHook(begin=begin, end=end)
    for weight in (-0.1, float('nan'), 'much'):
        with pytest.raises(ValueError, match='a cost of the weight'):
            BilevelSearchHook(cost=dict(table='t.json', weight=weight))
    with pytest.raises(ValueError, match='interval=0'):
        BilevelSearchHook(interval=0)


def test_only_the_named_choices_are_searched(tmp_path):
    phases = dict(second=dict(choices=r'cells\.1\.'))
    runner = kit.train(kit.config(tmp_path, search=dict(phases=phases), **kit.TWO_CELLS))
    moved = {name for name, alpha in alphas(runner).items() if alpha.any()}
    assert moved == {name for name in SearchSpace(runner.model).choices if name.startswith('cells.1.')}


PHASES = dict(interval=1, phases=dict(cells=dict(choices='type$', end=1), operators=dict(choices='ops')))


def test_cells_first_then_their_operators(tmp_path):
    runner = kit.train(kit.config(tmp_path, search=PHASES, stop=5))
    space, first = SearchSpace(runner.model), kit.train(kit.config(tmp_path / 'first', search=PHASES, stop=3))
    before = alphas(first)
    assert all(alpha.any() == name.endswith('type') for name, alpha in before.items())
    decided = {name: choice.selected for name, choice in space.choices.items() if choice.selected}
    types = {name for name in space.choices if name.endswith('type')}
    assert set(decided) == types
    for name, alpha in alphas(runner).items():
        if name in types:
            # The last step of the epoch still counts; after it the choice is made and rests.
            assert decided[name] == space.choices[name].candidates[int(alpha.argmax())]
        else:
            inside = holds(space.conditions(name), decided)
            assert bool(alpha.any()) == inside, name


def test_phases_resume_to_the_same_end(tmp_path):
    whole = kit.train(kit.config(tmp_path / 'whole', search=PHASES, export={}))
    for stop in (3, 4, 6, None):  # before, at and after the end of the first phase
        part = kit.train(kit.config(tmp_path / 'parts', search=PHASES, export={}, stop=stop), resume=True)
    assert same(alphas(part), alphas(whole)) and same(weights(part), weights(whole))
    assert (tmp_path / 'parts/genotype.json').read_text() == (tmp_path / 'whole/genotype.json').read_text()


def test_a_search_from_before_its_phases_had_names_goes_on(tmp_path):
    kit.train(kit.config(tmp_path, search=PHASES, export={}, stop=3))
    path = tmp_path / (tmp_path / 'last_checkpoint').read_text()
    content = torch.load(path, weights_only=True)
    settings = content['bilevel_search']['settings']
    settings['phases'] = list(settings['phases'].values())
    torch.save(content, path)
    assert kit.train(kit.config(tmp_path, search=PHASES, export={}), resume=True).iter > 3
    settings['phases'] = [dict(settings['phases'][0], end=3), *settings['phases'][1:]]
    torch.save(content, path)
    (tmp_path / 'last_checkpoint').write_text(str(path))
    with pytest.raises(RuntimeError, match='phases'):
        kit.train(kit.config(tmp_path, search=PHASES, export={}), resume=True)


BY_ITERATIONS = dict(_delete_=True, type='ResumableIterTrainLoop', max_iters=8)


def test_phases_may_end_after_iterations(tmp_path):
    phases = dict(cells=dict(choices='type$', end=2), operators=dict(choices='ops'))
    runner = kit.train(kit.config(tmp_path, search=dict(PHASES, phases=phases, by_epoch=False), stop=3,
                                  train_cfg=dict(BY_ITERATIONS)))
    assert {name for name, choice in SearchSpace(runner.model).choices.items() if choice.selected} == {
        'cells.0.type'}


@pytest.mark.parametrize('options, message', [
    (PHASES, 'phases that end after epochs; set by_epoch=False'),
    (dict(dataloader=[kit.loader(offset=50), kit.loader(offset=150)]), 'several dataloaders, one an epoch')])
def test_a_training_by_iterations_has_no_epochs_to_count(tmp_path, options, message):
    with pytest.raises(ValueError, match=f'{message}.*: ResumableIterTrainLoop has no epochs'):
        kit.train(kit.config(tmp_path, search=options, train_cfg=dict(BY_ITERATIONS)))


def tasks(work_dir, **changes):
    """Two tasks in turn by epoch, in training and on the search split."""
    parts = [kit.loader(offset=offset) for offset in (0, 100)]
    cfg = kit.config(work_dir, search=dict(dataloader=[kit.loader(offset=50), kit.loader(offset=150)], interval=1),
                     epochs=3, **changes)
    cfg.train_dataloader = dict(parts[0], dataset=dict(
        type='AlternatingDataset', datasets=[part['dataset'] for part in parts]))
    return cfg


def test_tasks_take_turns_by_epoch_on_both_levels(tmp_path):
    whole = kit.train(tasks(tmp_path / 'whole'))
    assert [stream.position for stream in kit.hook_of(whole, 'BilevelSearchHook').streams] == [8, 4]
    for stop in (3, 5, 9, None):
        part = kit.train(tasks(tmp_path / 'parts', stop=stop), resume=True)
    assert same(alphas(part), alphas(whole)) and same(weights(part), weights(whole))


def test_a_task_without_a_turn_is_an_error(tmp_path):
    cfg = tasks(tmp_path)  # epochs of four iterations
    cfg.default_hooks.search.interval = 8
    cfg.train_cfg.max_epochs = 20
    with pytest.raises(ValueError, match=r'never read dataloaders \[0\] of its 2.*epochs of 4 iterations.*every 8'):
        kit.train(cfg)


@pytest.mark.parametrize(('phases', 'facts'), [
    ([dict(choices='type')], 'give each a name'),
    (dict(a=dict(choices='type'), b=dict(choices='ops')), r'phases\.a=.*not the last'),
    (dict(a=dict(end=2), b=dict(choices='ops')), r'phases\.a='),
    (dict(a=dict(choices='type', end=2)), r'phases\.a=.*the last of 1'),
    (dict(a=dict(choices='a', end=3), b=dict(choices='b', end=2), c=dict(choices='c')), r'\[3, 2\]'),
    (dict(a=dict(choices='a', end=0), b=dict(choices='b')), r'\[0\]')])
def test_phases_that_cannot_follow_one_another_are_named(phases, facts):
    with pytest.raises(ValueError, match=facts):
        BilevelSearchHook(dataloader={}, phases=phases)


def test_unrolled_takes_the_step_of_the_optimizer_and_a_schedule_lowers_the_rate(tmp_path):
    runner = kit.train(kit.config(tmp_path, search=dict(
        strategy=dict(type='Unrolled'), param_scheduler=dict(type='ExponentialLR', gamma=0.5, by_epoch=False))))
    assert kit.hook_of(runner, 'BilevelSearchHook').optimizer.param_groups[0]['lr'] == pytest.approx(0.1 * 0.5**4)
    assert all(alpha.any() for alpha in alphas(runner).values())


def test_unrolled_is_told_of_the_step_of_the_weights(tmp_path, monkeypatch):
    calls = spied(monkeypatch, Unrolled)
    kit.train(kit.config(tmp_path, search=dict(strategy=dict(type='Unrolled'), interval=1), stop=1,
                         **{'optim_wrapper.clip_grad': dict(max_norm=0.5)}))
    (_, inner), = calls
    assert set(inner['lr']) == {0.01} and set(inner['momentum']) == {0.9} and set(inner['weight_decay']) == {1e-3}
    assert inner['max_norm'] == 0.5 and any(buffer is not None for buffer in inner['momentum_buffers'])


@pytest.fixture
def cost(tmp_path):
    """A table of the numbers of parameters, and a weight of theirs."""
    init_default_scope('mmfusenas')
    space = SearchSpace(MODELS.build(kit.config(tmp_path).model))
    pair = dict(visible=torch.rand(1, 3, 16, 20), infrared=torch.rand(1, 1, 16, 20))
    measure_costs(space, list(pair.values()), run=lambda *_: space.model(pair)).save(tmp_path / 'table.json')
    return dict(table=str(tmp_path / 'table.json'), weight=0.5, cost='parameters')


def test_expected_cost_is_added_to_the_upper_loss(tmp_path, cost):
    options = dict(strategy=dict(type='FirstOrder'), optimizer=dict(type='SGD', lr=1.0))
    plain = kit.train(kit.config(tmp_path / 'plain', stop=2, search=options))
    priced = kit.train(kit.config(tmp_path / 'priced', stop=2, search=dict(options, cost=cost)))
    moved, before = alphas(priced), alphas(plain)
    hook = kit.hook_of(priced, 'BilevelSearchHook')
    for alpha in hook.space.alphas().values():
        torch.nn.init.zeros_(alpha.requires_grad_(True))
    expected = ExpectedCost(hook.space, CostTable.load(cost['table']), 'parameters')()
    slopes = torch.autograd.grad(expected, list(hook.space.alphas().values()))
    for name, slope in zip(moved, slopes, strict=True):
        assert slope.any(), name
        assert torch.allclose(moved[name] - before[name], -0.5 / expected * slope, atol=1e-5), name


def test_the_term_of_the_cost_is_its_weight_at_uniform_choices(tmp_path, cost):
    runner = kit.train(kit.config(tmp_path, search=dict(cost=cost)))
    hook = kit.hook_of(runner, 'BilevelSearchHook')
    space = hook.space.alphas()
    assert hook._regularization().item() != pytest.approx(0.5, abs=1e-3)
    for alpha in space.values():
        torch.nn.init.zeros_(alpha.requires_grad_(True))
    assert hook._regularization().item() == pytest.approx(0.5)
    for alpha, slope in zip(space.values(), torch.autograd.grad(hook._regularization(), list(space.values()))):
        for index in range(len(alpha)):
            ends = []
            for width in (1e-2, -2e-2):
                alpha.data[index] += width
                ends.append(hook._regularization().item())
            alpha.data[index] += 1e-2
            assert slope[index].item() == pytest.approx((ends[0] - ends[1]) / 2e-2, rel=1e-2, abs=1e-5)


def test_a_table_in_which_nothing_costs_anything_is_refused(tmp_path, cost):
    table = json.loads(Path(cost['table']).read_text())
    for costs in (table['rest'], *(costs for choice in table['choices'].values() for costs in choice.values())):
        costs['macs'] = 0
    Path(cost['table']).write_text(json.dumps(table))
    with pytest.raises(ValueError, match=r'cost=.*table.*macs at uniform choices: 0'):
        kit.train(kit.config(tmp_path, search=dict(cost=dict(cost, cost='macs'))))


def test_a_search_with_a_cost_resumes_to_the_same_end(tmp_path, cost):
    options = dict(PHASES, cost=cost)
    whole = kit.train(kit.config(tmp_path / 'whole', search=options))
    for stop in (3, 6, None):  # before and after the end of the first phase
        part = kit.train(kit.config(tmp_path / 'parts', search=options, stop=stop), resume=True)
    plain = kit.train(kit.config(tmp_path / 'plain', search=PHASES))
    assert same(alphas(part), alphas(whole)) and not same(alphas(part), alphas(plain))


def test_expected_cost_of_every_epoch_is_kept(tmp_path, cost):
    runner = kit.train(kit.config(tmp_path / 'run', search=dict(cost=cost), export={}))
    epochs = json.loads((tmp_path / 'run/search.json').read_text())['epochs']
    last = kit.hook_of(runner, 'BilevelSearchHook').expected_cost().item()
    assert epochs[-1]['expected_cost'] == {'parameters': pytest.approx(last)}
    assert epochs[0]['expected_cost'] != epochs[-1]['expected_cost']
    plain = kit.train(kit.config(tmp_path / 'plain', search={}, export={}))
    assert json.loads(Path(plain.work_dir, 'search.json').read_text())['epochs'][0]['expected_cost'] == {}


@pytest.mark.parametrize('ema', [False, True])
def test_resumed_search_is_the_same(tmp_path, ema):
    whole = kit.train(kit.config(tmp_path / 'whole', search={}, export={}, ema=ema))
    for stop in (2, 5, 7, None):
        part = kit.train(kit.config(tmp_path / 'parts', search={}, export={}, ema=ema, stop=stop), resume=True)
    assert part.iter == whole.iter
    assert same(alphas(part), alphas(whole)) and same(weights(part), weights(whole))
    for name in ('genotype.json', 'search.json', 'genotypes/epoch_1.json', 'genotypes/epoch_2.json'):
        assert (tmp_path / 'parts' / name).read_text() == (tmp_path / 'whole' / name).read_text(), name


def test_a_resumed_schedule_goes_on(tmp_path):
    schedule = dict(type='MultiStepLR', milestones=[2, 4], by_epoch=False)
    search = dict(interval=1, strategy=dict(type='FirstOrder'), param_scheduler=schedule)
    whole = kit.train(kit.config(tmp_path / 'whole', search=search, epochs=1))
    for stop in (3, None):
        part = kit.train(kit.config(tmp_path / 'parts', search=search, epochs=1, stop=stop), resume=True)
    hooks = [kit.hook_of(runner, 'BilevelSearchHook') for runner in (whole, part)]
    assert [hook.schedulers[0].last_step for hook in hooks] == [4, 4]
    assert [hook.optimizer.param_groups[0]['lr'] for hook in hooks] == [pytest.approx(1e-3)] * 2
    assert same(alphas(part), alphas(whole))


GUMBEL = dict(temperature=5.0, interval=1, optimizer=dict(type='Adam', lr=0.1), param_scheduler=[
    dict(type='ExponentialParamScheduler', param_name='temperature', gamma=0.8, by_epoch=False),
    dict(type='MultiStepLR', milestones=[2], by_epoch=False)])


def test_choices_by_gumbel_softmax_cool_down_and_resume(tmp_path):
    def search(name, stop=None, **options):
        return kit.train(kit.config(tmp_path / name, search=dict(GUMBEL, **options), stop=stop, **kit.TWO_CELLS),
                         resume=(tmp_path / name).exists())

    plain, whole = search('plain', temperature=None, param_scheduler=None), search('whole')
    for stop in (3, 6, None):
        part = search('parts', stop)
    assert same(alphas(part), alphas(whole)) and same(weights(part), weights(whole))
    group, = kit.hook_of(part, 'BilevelSearchHook').optimizer.param_groups
    assert group['temperature'] == pytest.approx(5 * 0.8**8) and group['lr'] == pytest.approx(0.01)
    other = kit.train(kit.config(tmp_path / 'other', search=GUMBEL, **kit.TWO_CELLS, **{'randomness.seed': 4}))
    assert not same(alphas(other), alphas(whole)) and not same(alphas(plain), alphas(whole))
    with pytest.raises(RuntimeError, match='temperature: 5.0 then, 4.0 now'):
        search('whole', temperature=4.0)


def test_samples_are_new_for_every_iteration_and_loss_and_one_within_a_loss(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Choice, 'weights', lambda choice, run=Choice.weights: drawn.append(choice.noise) or run(choice))
    search = dict(GUMBEL, strategy=dict(type='Unrolled'))
    kit.train(kit.config(tmp_path, search=search, epochs=1))
    assert all(noise is not None for noise in drawn)
    # An iteration trains on one sample; Unrolled asks the lower loss, the upper one, and the lower one twice.
    per_loss = len(drawn) // (4 * 5)
    losses = [torch.cat(drawn[k * per_loss:(k + 1) * per_loss]) for k in range(4 * 5)]
    for k in range(4):
        trained, lower, upper, above, below = losses[5 * k:5 * k + 5]
        assert torch.equal(lower, above) and torch.equal(lower, below)
        assert not torch.equal(lower, upper) and not torch.equal(trained, lower)
    assert not torch.equal(losses[0], losses[5]) and not torch.equal(losses[1], losses[6])


@pytest.mark.parametrize('temperature', [0, -1.0, 'cold'])
def test_a_temperature_that_is_none_is_named(temperature):
    with pytest.raises(ValueError, match=f'temperature={temperature!r}'):
        BilevelSearchHook(temperature=temperature)


def test_ctrl_c_saves_what_a_resumed_search_needs(tmp_path):
    whole = kit.train(kit.config(tmp_path / 'whole', search={}))
    for stop in (3, 4, 6, None):  # between two steps of the choices, and right after one
        cfg = kit.config(tmp_path / 'parts', search={})
        cfg.custom_hooks.append(dict(type='SignalHook', at=stop, numbers=[signal.SIGINT]))
        part = kit.train(cfg, resume=True)
        expected = {3: 'iter_3.pth', 4: 'stopped.pth', 6: 'iter_6.pth', None: None}[stop]
        assert stop is None or Path((tmp_path / 'parts' / 'last_checkpoint').read_text()).name == expected
    assert part.iter == whole.iter
    assert same(alphas(part), alphas(whole)) and same(weights(part), weights(whole))


def test_ema_does_not_blur_the_stored_choices(tmp_path):
    runner = kit.train(kit.config(tmp_path, search={}, ema=True))
    checkpoint = torch.load(tmp_path / 'iter_6.pth', weights_only=True)
    live = checkpoint['bilevel_search']['alphas']['cells.0.type']
    averaged = checkpoint['state_dict']['cells.0.alpha']
    assert live.any() and not torch.equal(live, averaged)
    assert runner.iter == 8


def test_a_supernet_without_the_hook_does_not_train(tmp_path):
    with pytest.raises(RuntimeError, match='BilevelSearchHook'):
        kit.train(kit.config(tmp_path))


def test_nothing_to_search_is_an_error(tmp_path):
    with pytest.raises(ValueError, match='no choice to search'):
        kit.train(kit.config(tmp_path, search=dict(phases=dict(neck=dict(choices='neck')))))


def test_a_phase_that_never_begins_is_named(tmp_path):
    phases = dict(cells=dict(choices='type$', end=2), operators=dict(choices='ops'))
    cfg = kit.config(tmp_path, search=dict(PHASES, phases=phases))
    cfg.log_level = 'WARNING'
    kit.train(cfg)
    log, = tmp_path.glob('*/*.log')
    assert "['operators'] of BilevelSearchHook never begin: the training ends at 2" in log.read_text()


def test_two_search_hooks_are_an_error(tmp_path):
    cfg = kit.config(tmp_path, search={})
    cfg.custom_hooks.append(dict(cfg.default_hooks.search))
    with pytest.raises(ValueError, match='Two BilevelSearchHooks'):
        kit.train(cfg)


def test_an_unknown_key_of_a_phase_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="'loses'"):
        kit.train(kit.config(tmp_path, search=dict(phases=dict(all=dict(choices='', loses=['model'])))))


def test_an_unknown_key_of_the_cost_is_an_error(tmp_path):
    with pytest.raises(ValueError, match='wieght'):
        kit.train(kit.config(tmp_path, search=dict(cost=dict(table='t.json', wieght=1.0))))


def test_resuming_with_another_space_is_an_error(tmp_path):
    kit.train(kit.config(tmp_path, search={}, stop=4))
    other = kit.config(tmp_path, search={})
    other.model.operators = ['sa_3', 'dc_3', 'rb_3']
    with pytest.raises(ValueError, match='another search space'):
        kit.train(other, resume=True)
