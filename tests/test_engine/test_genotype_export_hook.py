"""What a search leaves behind."""
import copy
import json
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from kits import search as kit  # noqa: E402
from mmfusenas.engine.hooks import GenotypeExportHook
from mmfusenas.engine.hooks.genotype_export_hook import retrain_config
from mmfusenas.engine.schedule import Schedule
from mmfusenas.nas import Choice, Genotype, SearchSpace
from mmfusenas.registry import MODELS
from mmfusenas.utils.checkpoint import load_checkpoint
from mmfusenas.utils.complexity import complexity


@pytest.fixture(scope='module')
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp('search')
    runner = kit.train(kit.config(folder, search={}, export=dict(
        shape=(16, 20), retrain={'optim_wrapper.optimizer.lr': 0.5, 'train_dataloader.dataset.length': 4})))
    return folder, runner


def test_the_genotype_is_the_largest_alpha_of_each_active_choice(searched):
    folder, runner = searched
    genotype = Genotype.load(folder / 'genotype.json')
    space = SearchSpace(runner.model)
    kinds = {'cells.0.type': space.choices['cells.0.type'].best()}
    names = [n for n in space.choices if n in kinds or n.split('.')[2] == kinds[f'cells.{n.split(".")[1]}.type']]
    assert genotype.choices == {name: space.choices[name].best() for name in names}
    assert genotype.space == 'TIMFusion' and genotype.space_hash == space.hash
    assert genotype == Genotype.load(folder / 'genotypes/epoch_2.json')
    assert genotype.source['epoch'] == 2 and genotype.source['seed'] == 3
    assert genotype.costs == complexity(space.derive(genotype), (16, 20))


def test_the_checkpoint_of_an_epoch_holds_the_genotype_of_that_epoch(tmp_path):
    kit.train(kit.config(tmp_path, search={}, export={}, **{
        'default_hooks.checkpoint.by_epoch': True, 'default_hooks.checkpoint.interval': 1}))
    stored = load_checkpoint(tmp_path / 'epoch_2.pth')['genotype']
    assert Genotype.from_dict(stored) == Genotype.load(tmp_path / 'genotype.json')
    assert stored == json.loads((tmp_path / 'genotype.json').read_text())


def test_the_history_follows_the_choices(searched):
    folder, runner = searched
    history = json.loads((folder / 'search.json').read_text())
    space = SearchSpace(runner.model)
    assert history['choices'] == {name: dict(candidates=list(c.candidates)) for name, c in space.choices.items()}
    assert [entry['epoch'] for entry in history['epochs']] == [1, 2]
    last = history['epochs'][-1]
    assert last['probabilities'] == {name: c.probabilities().tolist() for name, c in space.choices.items()}
    assert last['entropy'] == pytest.approx(space.entropy())
    assert {'upper_loss', 'lower_loss'} < set(last)
    health = last['health']
    assert health['steps'] == 4 and -1 <= health['cosine'] <= 1
    assert health['drift'] == pytest.approx(1 + 3 * health['cosine'])
    assert set(health['signal']) == set(space.choices)
    active = [space.choices[name] for name in space.genotype().choices]
    assert health['over_uniform'] == pytest.approx(
        sum(float(choice.probabilities().max()) * len(choice.candidates) for choice in active) / len(active))


@pytest.mark.parametrize('strategy, noise', [('RandomChoice', True), ('FirstOrder', False)])
def test_a_search_whose_gradients_are_noise_says_so(tmp_path, monkeypatch, strategy, noise):
    said = []
    monkeypatch.setattr(MMLogger, 'warning', lambda logger, message, *args: said.append(message))
    search = dict(strategy=dict(type=strategy), interval=1, optimizer=dict(type='SGD', lr=0.0))
    kit.train(kit.config(tmp_path, search=search, export={}, epochs=5, **{'optim_wrapper.optimizer.lr': 0.0}))
    assert [message[:51] for message in said if 'gradients' in message] == [
        'The gradients of the choices are noise so far: over'] * noise


@pytest.mark.parametrize('rate, epochs, undecided', [(0.1, 2, True), (0.1, 5, False), (1e-4, 5, True)])
def test_a_search_that_decided_little_ends_with_a_warning(tmp_path, monkeypatch, rate, epochs, undecided):
    said = []
    monkeypatch.setattr(MMLogger, 'warning', lambda logger, message, *args: said.append(message))
    search = dict(interval=1, optimizer=dict(type='Adam', lr=rate))
    kit.train(kit.config(tmp_path, search=search, export={}, epochs=epochs))
    assert [f'after {4 * epochs} steps' in message for message in said if 'random choice: after' in message] == [
        True] * undecided


def test_a_search_without_a_step_says_so(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(MMLogger, 'warning', lambda logger, message, *args: said.append(message))
    kit.train(kit.config(tmp_path, search=dict(begin=100), export={}, epochs=1))
    assert [message for message in said if 'after 0 steps on the choices' in message and '1.00 times' in message]
    health = json.loads((tmp_path / 'search.json').read_text())['epochs'][0]['health']
    assert health == dict(over_uniform=pytest.approx(1), steps=0)


def test_the_retrain_config_trains_the_found_network(searched):
    folder, runner = searched
    cfg = Config.fromfile(folder / 'retrain.py')
    assert not any('Search' in hook['type'] or 'Export' in hook['type'] for hook in cfg.default_hooks.values())
    assert 'ema' not in cfg.default_hooks and 'checkpoint' in cfg.default_hooks
    assert cfg.optim_wrapper.optimizer.lr == 0.5 and cfg.train_dataloader.dataset.length == 4
    cfg.work_dir, cfg.experiment_name, cfg.visualizer.name = str(folder / 'again'), 'retrain', 'retrain'
    retrained = kit.train(cfg)
    assert not any(isinstance(module, Choice) for module in retrained.model.modules())
    genotype = Genotype.load(folder / 'genotype.json')
    assert sum(p.numel() for p in retrained.model.parameters()) == genotype.costs['parameters']
    assert retrained.iter == 4  # two epochs of four samples in batches of two


def test_parts_of_a_model_get_their_own_genotypes(tmp_path):
    pytest.importorskip('mmdet')
    init_default_scope('mmfusenas')
    model = dict(
        type='TaskGuidedDetector',
        scene=dict(type='TIMFusion', genotype=None, channels=4, cells=['successive'], operators=['sa_3', 'dc_3']),
        task=dict(_scope_='mmdet', type='RetinaNet',
                  backbone=dict(type='ResNet', depth=18, base_channels=8, out_indices=(2, 3)),
                  neck=dict(type='mmfusenas.FeatureDistillationNeck', out_channels=8, channels=4, nodes=2, num_outs=2,
                            operators=['conv_1', 'skip']),
                  bbox_head=dict(type='RetinaHead', num_classes=1, in_channels=8, feat_channels=8, stacked_convs=1,
                                 anchor_generator=dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=1,
                                                       ratios=[1.0], strides=[16, 32]))))
    space = SearchSpace(MODELS.build(model))
    space.select(space.sample())
    genotype = space.genotype()
    assert set(genotype.parts) == {'scene', 'task.neck'}
    cfg = retrain_config(Config(dict(model=model, custom_hooks=[])), genotype, tmp_path)
    assert cfg.load_from is None
    begun = retrain_config(Config(dict(model=model, custom_hooks=[])), genotype, tmp_path, None,
                           dict(load_from='begin.pth', work_dir='elsewhere'))
    assert (begun.load_from, begun.work_dir, begun.resume) == ('begin.pth', 'elsewhere', False)
    cfg.dump(tmp_path / 'retrain.py')
    built = MODELS.build(Config.fromfile(tmp_path / 'retrain.py').model)
    derived = space.derive(genotype)
    assert {k: v.shape for k, v in built.state_dict().items()} == {k: v.shape for k, v in derived.state_dict().items()}


def test_the_best_genotype_is_kept_where_a_metric_says_so(tmp_path):
    runner = kit.train(kit.config(tmp_path, search={}, epochs=1))
    hook = GenotypeExportHook(save_best='mAP')
    hook.before_train(runner)
    for score, name in ((float('nan'), 'dc_3'), (0.5, 'sa_3'), (0.4, 'dc_3'), (0.6, 'sc_3'), (None, 'dc_3')):
        SearchSpace(runner.model).select({'cells.0.successive.ops.0': name, 'cells.0.type': 'successive'})
        hook.after_train_epoch(runner)
        hook.after_val_epoch(runner, {} if score is None else dict(mAP=score))
        kept = Genotype.load(tmp_path / 'genotype.json').choices['cells.0.successive.ops.0']
        if score != score:  # which would have been the best for ever
            assert hook.best is None
            continue
        assert kept == {0.5: 'sa_3', 0.4: 'sa_3', 0.6: 'sc_3', None: 'sc_3'}[score]
    checkpoint, resumed = dict(meta=dict(epoch=4)), GenotypeExportHook(save_best='mAP')
    hook.before_save_checkpoint(runner, checkpoint)
    runner._resume = True
    resumed.after_load_checkpoint(runner, checkpoint)
    resumed.before_train(runner)
    resumed.after_train_epoch(runner)
    resumed.after_val_epoch(runner, dict(mAP=0.55))
    assert Genotype.load(tmp_path / 'genotype.json').choices['cells.0.successive.ops.0'] == 'sc_3'


def test_a_metric_that_the_validation_does_not_give_is_named(tmp_path):
    runner = kit.train(kit.config(tmp_path, search={}, epochs=1))
    said = []
    runner.logger.warning = said.append
    hook = GenotypeExportHook(save_best='mAp')
    hook.after_val_epoch(runner, dict(mAP=0.5, loss=1.0))
    assert 'gave no mAp' in said[0] and said[0].endswith('it gave mAP, loss.')


def test_a_config_to_retrain_as_has_to_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'retrain_as=.*none\.py.*no such'):
        GenotypeExportHook(retrain_as=str(tmp_path / 'none.py'))


def test_every_export_makes_the_same_changes(tmp_path):
    """A replaced optimizer is replaced after the first epoch too, and what was None may become a dict again."""
    retrain = {'optim_wrapper.optimizer': dict(_delete_=True, type='AdamW', lr=0.5),
               'val_cfg': dict(_delete_=True, type='ValLoop')}
    kit.train(kit.config(tmp_path, search={}, export=dict(retrain=retrain), epochs=3, val_cfg=None))
    cfg = Config.fromfile(tmp_path / 'retrain.py')
    assert cfg.optim_wrapper.optimizer == dict(type='AdamW', lr=0.5) and cfg.val_cfg == dict(type='ValLoop')


def test_a_runner_that_was_given_a_model_exports_what_needs_no_config(tmp_path, monkeypatch):
    cfg = kit.config(tmp_path, search={}, export={}, epochs=1).to_dict()
    init_default_scope('mmfusenas')
    runner = Runner(**dict(cfg, model=MODELS.build(cfg['model'])))
    said = []
    monkeypatch.setattr(runner.logger, 'info', lambda text, *args, **kwargs: said.append(text))
    runner.train()
    assert Genotype.load(tmp_path / 'genotype.json') == Genotype.load(tmp_path / 'genotypes/epoch_1.json')
    assert len(json.loads((tmp_path / 'search.json').read_text())['epochs']) == 1
    assert not (tmp_path / 'retrain.py').exists()
    assert any(f"no retrain.py: build the model with genotype='{tmp_path}/genotype.json'" in text for text in said)
    assert 'model_cfg' not in load_checkpoint(tmp_path / 'iter_3.pth')['meta']


PHASES = dict(interval=1, phases=dict(cells=dict(choices='type$', end=1), operators=dict(choices='ops')))
BY_ITERATIONS = dict(PHASES, by_epoch=False, phases=dict(cells=dict(choices='type$', end=4),
                                                         operators=dict(choices='ops')))
RUAS = dict(type='CooperativeSearchHook', interval=1, alternation=[
    dict(stage='scene', iters=2), dict(stage='task', iters=1)])


@pytest.mark.parametrize('options, stops, by_epoch', [
    (dict(search={}), (4, 8), True),
    (dict(search=PHASES, epochs=3), (8, 11, 12), False),
    (dict(search=BY_ITERATIONS, train_cfg=dict(_delete_=True, type='ResumableIterTrainLoop', max_iters=8)), (4, 8),
     False),
    (dict(search=RUAS, model=kit.RUAS), (4, 7, 8), True),
])
def test_the_history_of_a_resumed_search_is_that_of_one_not_stopped(tmp_path, options, stops, by_epoch):
    def search(name, stop=None):
        cfg = kit.config(tmp_path / name, export={}, stop=stop, **copy.deepcopy(options))
        cfg.default_hooks.checkpoint.update(interval=1, by_epoch=by_epoch)
        kit.train(cfg, resume=(tmp_path / name / 'last_checkpoint').exists())
        return {str(file.relative_to(tmp_path / name)): file.read_text() for file in (tmp_path / name).rglob('*.json')
                if 'vis_data' not in file.parts}

    whole = search('whole')
    for stop in (*stops, None):
        part = search('parts', stop)
    entries, expected = (json.loads(files['search.json'])['epochs'] for files in (part, whole))
    assert entries == expected and part == whole


def test_the_phase_of_the_last_iteration_is_known_before_and_after_the_end_of_its_epoch():
    schedule = Schedule('stages', [1], by_epoch=True)
    loop = SimpleNamespace(batches_done=4)
    assert [schedule.past(SimpleNamespace(train_loop=loop, epoch=epoch)) for epoch in (0, 1)] == [0, 1]
    loop.batches_done = 0
    assert [schedule.past(SimpleNamespace(train_loop=loop, epoch=epoch)) for epoch in (1, 2)] == [0, 1]
