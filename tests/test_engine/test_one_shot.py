"""One-shot search on a small supernet: which paths train, what the predictor learns, what evolution finds."""
import copy
import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from scipy.stats import kendalltau

from kits import search as kit
from mmfusenas.apis.deriving import found_genotype, found_supernet
from mmfusenas.engine.hooks import PathSamplingHook
from mmfusenas.engine.hooks.path_sampling_hook import STATE_KEY
from mmfusenas.engine.loops import EvolutionSearchLoop
from mmfusenas.engine.path_scorer import PathScorer
from mmfusenas.nas import Genotype, SearchSpace, measure_costs
from mmfusenas.nas.predictor import PathPredictor, fit_predictor
from mmfusenas.nas.sampling import PathSampler, path_sampler
from mmfusenas.registry import DATASETS, HOOKS
from mmfusenas.utils.checkpoint import load_checkpoint
from mmfusenas.utils.complexity import count_parameters
from mmfusenas.utils.unwrap_model import unwrap_model
from mmfusenas.visualization.pareto_plot import plot_pareto

SCORED = dict(kit.loader(offset=100)['dataset'], length=4)
SAMPLING = dict(type='PathSamplingHook', dataset=SCORED, batch_size=2, warmup_epochs=1, interval=2,
                num_initial_paths=12, num_refresh_paths=6, num_paths=5, tolerance=0.5, fit_epochs=5)


@HOOKS.register_module(force=True)
class NoteHook(PathSamplingHook):
    """Notes the paths that train, and at the beginning of every epoch when the predictor last learned."""

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        runner.noted, runner.learned = [], []

    def before_train_epoch(self, runner: Runner) -> None:
        super().before_train_epoch(runner)
        runner.learned.append(self.learned)

    def before_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        super().before_train_iter(runner, *args, **kwargs)
        runner.noted.append({name: choice.selected for name, choice in self.space.choices.items()})


def supernet(work_dir, epochs=4, stop=None, resume=False, **sampling):
    cfg = kit.config(work_dir, epochs=epochs, stop=stop, **kit.TWO_CELLS)
    cfg.custom_hooks.append(dict(SAMPLING, type='NoteHook', **sampling))
    return kit.train(cfg, resume=resume)


def search(work_dir, source, rounds=4, stop=None, resume=False, limit=1200, by_epoch=True, **options):
    cfg = kit.config(work_dir, export={}, stop=stop, **kit.TWO_CELLS)
    options = dict(dict(num_candidates=6, topk=3, num_initial_paths=20), **options)
    cfg.merge_from_dict(dict(
        load_from=None if resume else source, train_dataloader=dict(dataset=SCORED),
        train_cfg=dict(_delete_=True, type='EvolutionSearchLoop', max_epochs=rounds, limit=limit, **options)))
    cfg.default_hooks.checkpoint.update(interval=1, by_epoch=by_epoch)
    return kit.train(cfg, resume=resume)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A supernet whose predictor has learned twice, and its checkpoint; the runner has what it learned from."""
    work_dir, lessons = tmp_path_factory.mktemp('supernet'), []

    def note(predictor, optimizer, data, *args, generator):
        lessons.append(copy.deepcopy((predictor, data, args, generator.get_state())))
        return fit_predictor(predictor, optimizer, data, *args, generator=generator)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmfusenas.engine.hooks.path_sampling_hook.fit_predictor', note)
        runner = supernet(work_dir)
    runner.lessons = lessons
    return runner, str(work_dir / 'iter_16.pth')


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_one_path_trains_at_a_time_and_all_of_its_weights(trained, tmp_path):
    runner, _ = trained
    assert len(runner.noted) == 16 and len({tuple(path.items()) for path in runner.noted}) > 8
    before, after = (supernet(tmp_path / str(stop), epochs=1, stop=stop) for stop in (1, 2))
    space = SearchSpace(after.model)
    chosen = space.active(after.noted[1])
    old = before.model.state_dict()
    moved = {name for name, value in after.model.named_parameters() if not torch.equal(value, old[name])}
    for name, choice in space.choices.items():
        for candidate in choice.candidates:
            own = {f'{name}.{candidate}.{key}' for key, _ in choice.get_submodule(candidate).named_parameters()
                   if not any(f'{name}.{candidate}.{key}'.startswith(f'{inner}.') for inner in space.choices)}
            assert own & moved == (own if chosen.get(name) == candidate else set()), (name, candidate)


def test_the_predictor_learns_when_it_is_time(trained):
    runner, path = trained
    state = load_checkpoint(path)[STATE_KEY]
    assert runner.learned == [-1, 1, 1, 3]  # after the warm-up epoch, and two epochs later
    assert state['learned'] == 3 and state['loss'] == 'rank'
    # The two lessons one after the other, from where the first began, end at the predictor of the checkpoint.
    predictor, generator = copy.deepcopy(runner.lessons[0][0]), torch.Generator()
    optimizer = torch.optim.Adam(predictor.parameters(), lr=3e-3)
    for _, data, args, numbers in runner.lessons:
        generator.set_state(numbers)
        fit_predictor(predictor, optimizer, data, *args, generator=generator)
    assert [args for _, _, args, _ in runner.lessons] == 2 * [('rank', SAMPLING['fit_epochs'])]
    assert same(predictor.state_dict(), state['predictor'])
    assert not same(runner.lessons[1][0].state_dict(), state['predictor'])


@pytest.mark.parametrize('loss', ['rank', 'l2'])
def test_the_predictor_learns_how_good_random_paths_are_then_those_of_one_constraint(tmp_path, monkeypatch, loss):
    scored, learned, score = [], [], PathScorer.__call__
    monkeypatch.setattr(PathScorer, '__call__', lambda *args: scored.append(score(*args)) or scored[-1])
    monkeypatch.setattr('mmfusenas.engine.hooks.path_sampling_hook.fit_predictor',
                        lambda predictor, optimizer, data, *args, **kwargs: learned.append(data) or losses.append(args)
                        or 0.0)
    losses = []
    runner = supernet(tmp_path, loss=loss)
    hook = kit.hook_of(runner, 'NoteHook')
    assert losses == 2 * [(loss, hook.fit_epochs)]
    assert [len(paths) for paths, *_ in learned] == [SAMPLING['num_initial_paths'], SAMPLING['num_refresh_paths']]
    for scores, (paths, used, _, truth) in zip(scored, learned, strict=True):
        assert torch.equal(truth, -scores)  # the lower a loss, the better the path
        assert torch.equal(used, hook.sampler.active(paths))
    costs, constraints = ([hook.sampler.cost(data[0]) for data in learned], [data[2] * hook.scale for data in learned])
    torch.testing.assert_close(constraints[0], costs[0])
    shares = costs[1] / constraints[1][0]
    taus = runner.message_hub.get_scalar('train/predictor_tau').data[0]
    # Nothing was learned here, so the predictor is what it was at each time.
    with torch.no_grad():
        expected = [kendalltau(hook.predictor(*data[:3]), data[3]).statistic for data in learned]
    np.testing.assert_allclose(taus, expected, atol=1e-6)
    assert (constraints[1] == constraints[1][0]).all() and (shares >= 0.5 - 1e-6).all() and (shares <= 1 + 1e-6).all()


def test_without_a_loss_random_paths_train_to_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(PathSamplingHook, '_predict', None)
    runner = supernet(tmp_path, loss=None)
    assert runner.iter == 16 and kit.hook_of(runner, 'NoteHook').learned == -1
    assert len({tuple(path.items()) for path in runner.noted}) > 8


def test_what_trains_are_the_best_of_those_under_a_constraint(trained):
    hook = kit.hook_of(trained[0], 'NoteHook')
    hook.topk = 2
    generator = hook.generator.get_state()
    paths = hook._next_paths(3)
    hook.generator.set_state(generator)
    constraint = hook.sampler.random_cost(hook.generator)
    drawn = hook.sampler.sample_between(0.5 * constraint, constraint, 5, hook.generator)
    scores = hook._predict(drawn, torch.full((5, ), constraint))
    assert torch.equal(paths, drawn[scores.argsort(descending=True)[:2]])
    assert (hook.sampler.cost(paths) <= constraint).all()


@pytest.mark.parametrize('stops', [(3, 4, 6), (9, 13)])
def test_a_stopped_supernet_ends_as_one_that_was_not(trained, tmp_path, stops):
    for stop in (*stops, None):
        runner = supernet(tmp_path, stop=stop, resume=stop != stops[0])
    assert same(runner.model.state_dict(), trained[0].model.state_dict())
    ours, theirs = (load_checkpoint(path)[STATE_KEY] for path in (str(tmp_path / 'iter_16.pth'), trained[1]))
    assert same(ours['predictor'], theirs['predictor']) and torch.equal(ours['generator'], theirs['generator'])


def test_scores_are_the_losses_of_the_derived_networks(trained):
    model = unwrap_model(trained[0])
    space = SearchSpace(model)
    sampler, scorer = PathSampler(space), PathScorer(model, DATASETS.build(SCORED), 2)
    paths = sampler.sample(3, torch.Generator().manual_seed(1))
    scores = scorer(sampler, paths)
    for path, score in zip(paths, scores):
        derived = space.derive(Genotype(sampler.choices(path))).eval()
        losses = [derived.parse_losses(derived(**batch, mode='loss'))[1]['loss'].item() for batch in scorer.batches]
        assert float(score) == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    with pytest.raises(ValueError, match="no 'rmse'"):
        PathScorer(model, DATASETS.build(SCORED), 2, metric='rmse')(sampler, paths)


def test_every_image_counts_alike_in_a_score(trained):
    model = unwrap_model(trained[0])
    space = SearchSpace(model)
    sampler = PathSampler(space)
    paths = sampler.sample(3, torch.Generator().manual_seed(1))
    single, uneven = (PathScorer(model, DATASETS.build(SCORED), size)(sampler, paths) for size in (1, 3))
    torch.testing.assert_close(single, uneven, rtol=1e-5, atol=0)


def test_constraints_may_be_of_a_measured_table(trained, tmp_path):
    space = SearchSpace(unwrap_model(trained[0]))
    inputs = torch.rand(1, 3, 16, 20), torch.rand(1, 1, 16, 20)
    table = measure_costs(space, inputs, lambda *x: space.model(dict(zip(('visible', 'infrared'), x))), repeats=3)
    table.save(tmp_path / 'table.json')
    sampler = path_sampler(space, tmp_path / 'table.json', 'macs')
    path = sampler.sample(1)
    assert float(sampler.cost(path)) == table.predict(Genotype(sampler.choices(path[0])))['macs'] > 1000


@pytest.mark.parametrize('strategy', ['guided', 'plain', 'random'])
def test_the_best_path_below_the_limit_is_found(trained, tmp_path, monkeypatch, strategy):
    drawn = []
    monkeypatch.setattr('mmfusenas.engine.loops.evolution_search_loop.plot_pareto',
                        lambda *args: drawn.append(args) or plot_pareto(*args))
    runner = search(tmp_path, trained[1], strategy=strategy)
    loop = runner.train_loop
    costs = loop.sampler.cost(loop.paths)
    assert (costs <= 1200).all() and len(loop.paths) == len({tuple(p) for p in loop._canonical(loop.paths).tolist()})
    genotype = Genotype.load(tmp_path / 'genotype.json')
    best = loop.sampler.choices(loop.paths[loop.scores.argmin()])
    assert genotype.choices == best and genotype.costs['parameters'] == float(costs[loop.scores.argmin()])
    derived = SearchSpace(unwrap_model(runner)).derive(genotype)
    assert count_parameters(derived) <= 1200
    assert (tmp_path / 'pareto.png').is_file() and (tmp_path / 'retrain.py').is_file()
    assert torch.equal(drawn[0][0], costs) and torch.equal(drawn[0][1], loop.scores) and drawn[0][2] == 1200
    assert same(runner.model.state_dict(), trained[0].model.state_dict())  # no weight has moved
    content = load_checkpoint(tmp_path / 'epoch_4.pth')
    found = found_genotype(found_supernet(content, 'epoch_4.pth'), content)
    assert found.choices == best and found.source['epoch'] == 4


def test_children_are_made_of_the_best_of_all_rounds(trained, tmp_path, monkeypatch):
    loop = search(tmp_path, trained[1], rounds=3).train_loop
    parents = loop.paths[loop.scores.argsort(stable=True)[:3]]
    crossed, mutated = loop.population[:3], loop.population[3:]
    assert all((child == parents).any(0).all() for child in crossed) and len(mutated) == 3
    children = torch.cat([loop._cross(parents) for _ in range(10)])
    assert (children[:, None] != parents).any(2).all(1).any()
    loop.mutate_prob = 0.0
    assert all((child == parents).all(1).any() for child in loop._mutate(parents))
    monkeypatch.setattr(loop, '_mutate', lambda parents: loop.paths[-1:].expand(3, -1))
    monkeypatch.setattr(loop, '_cross', lambda parents: loop.paths[:3])
    assert torch.equal(loop._next(parents), loop.paths[[0, 1, 2, -1, -1, -1]])
    monkeypatch.setattr(loop, '_next', lambda parents: parents)
    loop._round(lambda sampler, paths: torch.full((len(paths), ), 1e9, dtype=torch.float64))
    assert torch.equal(loop.population, parents)  # no path of this round is as good


def test_a_random_search_makes_no_children(trained, tmp_path):
    loop = search(tmp_path, trained[1], rounds=1, strategy='random').train_loop
    parents = loop.paths[loop.scores.argsort()[:3]]
    assert not (loop.population[:3, None] == parents).any(1).all()  # the half that would be crossed


def test_parents_fill_up_a_population_that_no_child_belongs_to(trained, tmp_path):
    loop = search(tmp_path, trained[1], rounds=1).train_loop
    parents, loop.limit = loop.paths[:2], 0
    assert torch.equal(loop._legal(loop._cross, parents), parents[[0, 1, 0]])


@pytest.mark.parametrize('stops, by_epoch', [((2, ), True), ((3, 4), True), ((2, ), False), ((1, 2, 4), False)])
def test_a_stopped_search_ends_as_one_that_was_not(trained, tmp_path, stops, by_epoch):
    whole = search(tmp_path / 'whole', trained[1]).train_loop
    for stop in (*stops, None):
        part = search(tmp_path / 'part', trained[1], stop=stop, resume=stop != stops[0], by_epoch=by_epoch)
    assert torch.equal(part.train_loop.paths, whole.paths) and torch.equal(part.train_loop.scores, whole.scores)
    for name in ('genotype.json', 'search.json', *(f'genotypes/epoch_{number}.json' for number in (1, 2, 3, 4))):
        assert (tmp_path / 'part' / name).read_text() == (tmp_path / 'whole' / name).read_text(), name
    with pytest.raises(RuntimeError, match='limit: 1200 then, 1100 now'):
        search(tmp_path / 'part', trained[1], rounds=5, resume=True, limit=1100)


def test_what_a_search_cannot_do_is_said(trained, tmp_path):
    for name, value in dict(strategy='greedy', num_candidates=5, num_initial_paths=4, mutate_prob=1.5).items():
        with pytest.raises(ValueError, match=f'{name}={value!r}'):
            search(tmp_path, trained[1], **{name: value})
    supernet(tmp_path / 'plain', epochs=1, loss=None)
    with pytest.raises(ValueError, match='space.*learned.*load_from'):
        search(tmp_path / 'search', str(tmp_path / 'plain/iter_4.pth'))
    with pytest.raises(ValueError, match="loss='hinge'"):
        PathSamplingHook(SCORED, loss='hinge')
    with pytest.raises(ValueError, match="cost='latency_ms' needs a table"):
        supernet(tmp_path / 'latency', cost='latency_ms')
    with pytest.raises(ValueError, match="cost='macs' needs a table"):
        search(tmp_path / 'macs', trained[1], cost='macs', strategy='plain')
    with pytest.raises(ValueError, match='topk=6 of num_paths=5'):
        PathSamplingHook(SCORED, topk=6, num_paths=5)
    for options in (dict(interval=0), dict(num_refresh_paths=1), dict(num_initial_paths=1), dict(tolerance=-0.1),
                    dict(fit_epochs=0)):
        with pytest.raises(ValueError, match='PathSamplingHook got interval='):
            PathSamplingHook(SCORED, **options)


def test_a_supernet_trains_by_epochs(tmp_path):
    cfg = kit.config(tmp_path, train_cfg=dict(_delete_=True, type='ResumableIterTrainLoop', max_iters=8))
    cfg.custom_hooks.append(dict(SAMPLING))
    with pytest.raises(ValueError, match='warmup_epochs=1 and interval=2.*ResumableIterTrainLoop'):
        kit.train(cfg)


def test_a_score_that_is_not_finite_is_named(trained):
    model = copy.deepcopy(unwrap_model(trained[0]))
    space = SearchSpace(model)
    sampler, scorer = PathSampler(space), PathScorer(model, DATASETS.build(SCORED), 2)
    for parameter in model.parameters():
        parameter.data.fill_(float('nan'))
    with pytest.raises(ValueError, match=r"\{'cells.0.type': .*loss.*not finite"):
        scorer(sampler, sampler.sample(2))


def test_a_resumed_supernet_of_another_kind_is_refused(tmp_path):
    supernet(tmp_path, epochs=2, stop=5)
    with pytest.raises(RuntimeError, match='loss: rank then, l1 now'):
        supernet(tmp_path, epochs=2, resume=True, loss='l1')


def test_a_predictor_of_other_constraints_is_refused(trained, tmp_path):
    table = str(tmp_path / 'table.json')
    measured(trained[0].model).save(table)
    with pytest.raises(ValueError, match='constraints.*cost: parameters then, macs now'):
        search(tmp_path / 'x', trained[1], limit=1e9, cost='macs', table=table)


def test_the_settings_of_the_release_before_are_those_of_the_same_search():
    loop = SimpleNamespace(_settings=lambda: dict(metric='loss', topk=5))
    with pytest.warns(FutureWarning, match='by is called metric'):
        EvolutionSearchLoop.load_state_dict(loop, dict(by='loss', topk=5))
    assert loop._state == dict(metric='loss', topk=5)
    with pytest.warns(FutureWarning), pytest.raises(RuntimeError, match='metric: rmse then, loss now'):
        EvolutionSearchLoop.load_state_dict(loop, dict(by='rmse', topk=5))


def test_a_resumed_search_of_another_kind_is_refused(trained, tmp_path):
    search(tmp_path, trained[1], stop=2)
    with pytest.raises(RuntimeError, match='metric: loss then, rmse now'):
        search(tmp_path, trained[1], resume=True, metric='rmse')


def test_a_supernet_that_has_learned_too_little_is_not_searched(trained, tmp_path):
    with pytest.raises(RuntimeError, match='best of 6 paths.*has a loss of .*max_score=1e-09.*Train the supernet'):
        search(tmp_path / 'poor', trained[1], rounds=1, strategy='plain', max_score=1e-9)
    search(tmp_path / 'good', trained[1], rounds=1, strategy='plain', max_score=1e9)


def test_a_search_has_the_fixed_choices_of_its_supernet(tmp_path):
    fixed = {r'cells\.0\.type$': 'successive'}
    supernet(tmp_path / 'supernet', fixed=fixed)
    source = str(tmp_path / 'supernet/iter_16.pth')
    with pytest.raises(ValueError, match='fixed=.*train_cfg.fixed'):
        search(tmp_path / 'other', source, strategy='plain')
    search(tmp_path / 'search', source, rounds=1, fixed=fixed)


def test_another_table_of_costs_is_refused(trained, tmp_path):
    table = measured(trained[0].model)
    twice = {name: {candidate: dict(cost, macs=2 * cost['macs']) for candidate, cost in costs.items()}
             for name, costs in table.choices.items()}
    one, other = str(tmp_path / 'one.json'), str(tmp_path / 'other.json')
    table.save(one)
    dataclasses.replace(table, choices=twice).save(other)
    supernet(tmp_path / 'whole', cost='macs', table=one)
    with pytest.raises(ValueError, match='other costs than the limit .*costs: '):
        search(tmp_path / 'x', str(tmp_path / 'whole/iter_16.pth'), limit=1e9, cost='macs', table=other)
    supernet(tmp_path / 'part', stop=6, cost='macs', table=one)
    with pytest.raises(RuntimeError, match='its sampling of paths differs .costs: '):
        supernet(tmp_path / 'part', resume=True, cost='macs', table=other)
    with pytest.raises(RuntimeError, match='differs .batch_size: 2 then, 1 now'):
        supernet(tmp_path / 'part', resume=True, cost='macs', table=one, batch_size=1)


def measured(model):
    pair = dict(visible=torch.rand(1, 3, 16, 20), infrared=torch.rand(1, 1, 16, 20))
    return measure_costs(SearchSpace(model), list(pair.values()), run=lambda *_: model(pair), repeats=3)


def test_fixed_choices_stay_in_every_population(trained, tmp_path):
    fixed = {r'cells\.0\.type$': 'successive'}
    runner = search(tmp_path, trained[1], fixed=fixed, strategy='plain')
    column = list(SearchSpace(runner.model).choices).index('cells.0.type')
    paths = runner.train_loop.paths[:, column]
    assert (paths == 0).all() and len(paths) > 6


def test_a_guided_search_begins_with_what_the_predictor_holds_best(trained, tmp_path):
    loop = search(tmp_path, trained[1], rounds=1).train_loop
    state = load_checkpoint(trained[1])[STATE_KEY]
    pool = loop.sampler.sample_between(0, 1200, 20, torch.Generator().manual_seed(3))  # the run's seed
    predictor = PathPredictor(loop.sampler.sizes.tolist())
    predictor.load_state_dict(state['predictor'])
    with torch.no_grad():
        held = predictor(pool, loop.sampler.active(pool), loop.sampler.cost(pool) / state['scale'])
    best = {tuple(path) for path in loop._canonical(pool[held.argsort(descending=True)[:6]]).tolist()}
    assert {tuple(path) for path in loop._canonical(loop.paths).tolist()} == best


def test_mutation_changes_as_many_choices_as_asked_for(trained, tmp_path):
    loop = search(tmp_path, trained[1], rounds=1).train_loop
    loop.mutate_prob, parent = 0.4, loop.paths[:1]
    children = torch.cat([loop._mutate(parent) for _ in range(300)])
    shares = (children != parent).double().mean(0)
    torch.testing.assert_close(shares, 0.4 * (1 - 1 / loop.sampler.sizes.double()), rtol=0, atol=0.06)


def test_a_search_needs_all_weights_of_its_supernet(trained, tmp_path):
    with pytest.raises(ValueError, match='load_from is None, which has 0% of those'):
        search(tmp_path / 'none', None, strategy='random')
    content = load_checkpoint(trained[1])
    content['state_dict'].popitem()
    torch.save(content, tmp_path / 'less.pth')
    with pytest.raises(ValueError, match=r'less.pth, which has \d+% of those'):
        search(tmp_path / 'less', str(tmp_path / 'less.pth'), strategy='plain')
