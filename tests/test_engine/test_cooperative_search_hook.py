"""The cooperative search on the stock Runner: its gradient, its alternation, its resume."""
import copy
import json

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from torch import nn

from kits import search as kit
from kits.search import RUAS
from mmfusenas.engine.hooks.cooperative_search_hook import CooperativeSearchHook
from mmfusenas.models.stages import Stages
from mmfusenas.nas import Choice, SearchSpace
from mmfusenas.registry import HOOKS, MODELS

LR, BETA, TARGETS = 0.25, 0.7, (3.0, -2.0)


def search(work_dir, model=RUAS, stop=None, epochs=2, changes=None, **options):
    hook = dict(type='CooperativeSearchHook', strategy=dict(type='Unrolled'), interval=1, beta=BETA,
                optimizer=dict(type='SGD', lr=1.0),
                alternation=[dict(stage='scene', iters=2), dict(stage='task', iters=1)])
    return kit.config(work_dir, search=dict(hook, **options), stop=stop, epochs=epochs,
                      model=copy.deepcopy(model), **changes or {})


class Number(nn.Module):
    """A number that does not learn."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return x.new_tensor(self.value)


class Agent(nn.Module):
    """A weight, and a choice between two numbers."""

    def __init__(self, numbers, weight):
        super().__init__()
        self.choice = Choice({f'n{i}': Number(value) for i, value in enumerate(numbers)})
        self.weight = nn.Parameter(torch.tensor(weight))


@MODELS.register_module(force=True)
class TwoAgents(Stages, BaseModel):
    """Each agent's weight w and its mixture m of numbers: L = (w + m - t)^2 / 2, where the task's t has u in it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scene, self.task = Agent((1.0, 2.0), 0.5), Agent((-1.0, 4.0), 1.5)

    def forward(self, inputs, data_samples=None, mode='loss'):
        zero = torch.stack(list(inputs['visible'])).float().sum() * 0
        u = self.scene.weight + self.scene.choice(zero)
        losses = {}
        if self.stage != 'task':
            losses['scene.loss'] = (u - TARGETS[0]).square() / 2
        if self.stage != 'scene':
            u = u if self.stage == 'joint' else u.detach()
            losses['loss'] = (self.task.weight + self.task.choice(zero) - u - TARGETS[1]).square() / 2
        return losses


def mixtures(p_scene, p_task):
    return p_scene @ torch.tensor([1.0, 2.0]), p_task @ torch.tensor([-1.0, 4.0])


def closed_form(stage, w_s, w_t):
    """The gradient of algorithm 1, lines 5 and 10, at undecided choices: dm/dalpha is half the distance / 2."""
    m_s, m_t = mixtures(torch.full((2,), 0.5), torch.full((2,), 0.5))
    d_s, d_t = torch.tensor([-0.25, 0.25]), torch.tensor([-1.25, 1.25])
    r_s, r_t = w_s + m_s - TARGETS[0], w_t + m_t - (w_s + m_s) - TARGETS[1]
    # After w' = w - lr r the residual is (1 - lr) r, and so is its derivative by m.
    return (1 - LR) ** 2 * r_s * d_s - BETA * r_t * d_s if stage == 'scene' else (1 - LR) ** 2 * r_t * d_t


@pytest.mark.parametrize('stage', ['scene', 'task'])
def test_the_gradient_is_the_closed_form_of_a_quadratic_game(tmp_path, stage):
    alternation = [dict(stage='scene', iters=1), dict(stage='task', iters=1)]
    changes = dict(optim_wrapper=dict(_delete_=True, optimizer=dict(type='SGD', lr=LR)))
    runner = kit.train(search(tmp_path, dict(_delete_=True, type='TwoAgents'), stop=1, changes=changes,
                              alternation=alternation if stage == 'scene' else alternation[::-1]))
    scene, task = runner.model.scene, runner.model.task
    # The stock loop has trained the agent of the period, and it alone.
    moved = dict(scene=(0.5 - LR * (0.5 + 1.5 - TARGETS[0]), 1.5),
                 task=(0.5, 1.5 - LR * (1.5 + 1.5 - 2.0 - TARGETS[1])))[stage]
    torch.testing.assert_close(torch.stack([scene.weight, task.weight]), torch.tensor(moved))
    agent, other = (scene, task) if stage == 'scene' else (task, scene)
    torch.testing.assert_close(-agent.choice.alpha, closed_form(stage, *moved), rtol=1e-4, atol=1e-5)
    assert not other.choice.alpha.any()
    if stage == 'scene':
        # The lengths of both terms, and the task's loss, as the history has them; beta counts in neither.
        r_s, r_t = moved[0] + 1.5 - TARGETS[0], moved[1] + 1.5 - (moved[0] + 1.5) - TARGETS[1]
        found = {name: float(runner.message_hub.get_scalar(f'train/search_scene_{name}').current())
                 for name in ('grad_norm', 'task_grad_norm', 'task_loss')}
        assert found == dict(grad_norm=pytest.approx(abs((1 - LR) ** 2 * r_s) * 0.125 ** 0.5, rel=1e-4),
                             task_grad_norm=pytest.approx(abs(r_t) * 0.125 ** 0.5, rel=1e-4),
                             task_loss=pytest.approx(r_t ** 2 / 2, rel=1e-4))


@pytest.mark.parametrize('strategy', ['FirstOrder', 'RandomChoice'])
def test_strategies_without_a_lower_loss_do_too(tmp_path, strategy):
    runner = kit.train(search(tmp_path, dict(_delete_=True, type='TwoAgents'), stop=1, strategy=dict(type=strategy)))
    assert runner.model.scene.choice.alpha.any() and 'train/search_scene_upper_loss' in runner.message_hub.log_scalars


# A central difference sees the network's kinks within its radius, differentiation none.
@pytest.mark.parametrize('strategy, tolerance', [(dict(exact=True), 0.02), (dict(radius=0.01), 0.1)])
@pytest.mark.parametrize('stage', ['scene', 'task'])
def test_the_gradient_of_a_network_is_that_of_finite_differences(tmp_path, stage, strategy, tolerance):
    alternation = [dict(stage=stage, iters=1), dict(stage='task' if stage == 'scene' else 'scene', iters=1)]
    smooth = dict(RUAS, loss=dict(type='DenoisingLoss', variation=0))  # the total variation is all kinks
    runner = kit.train(search(
        tmp_path, smooth, stop=1, alternation=alternation, strategy=dict(type='Unrolled', **strategy)))
    hook, model = kit.hook_of(runner, 'CooperativeSearchHook'), runner.model
    names = [name for name in hook.space.choices if name.startswith(stage)]
    got = [-hook.space.choices[name].alpha.detach().clone() for name in names]
    for choice in hook.space.choices.values():
        nn.init.zeros_(choice.alpha)
    model.double()
    hook.streams[0].seek(0)
    loader = runner.train_dataloader
    loader.batch_sampler.reseed(hook.seed) if hasattr(loader.batch_sampler, 'reseed') else None
    upper, lower = (prepared(model, batch) for batch in (next(hook.streams[0]), next(iter(loader))))
    weights = [p for p in model.parameters() if p.requires_grad]
    group = runner.optim_wrapper.optimizer.param_groups[0]
    buffers = [runner.optim_wrapper.optimizer.state.get(p, {}).get('momentum_buffer') for p in weights]

    def objective():
        model.stage = stage
        before = [p.detach().clone() for p in weights]
        loss = model.parse_losses(model(**lower, mode='loss'))[0]
        with torch.no_grad():
            for p, grad, buffer in zip(weights, torch.autograd.grad(loss, weights, allow_unused=True), buffers):
                if grad is not None:
                    p -= group['lr'] * (grad + group['weight_decay'] * p + group['momentum'] * buffer.double())
            value = model.parse_losses(model(**upper, mode='loss'))[0]
            for p, old in zip(weights, before):
                p.copy_(old)
            if stage == 'scene':
                model.stage = 'joint'
                task = {k: v for k, v in model(**upper, mode='loss').items() if not k.startswith('scene.')}
                value = value + BETA * model.parse_losses(task)[0]
        return float(value)

    for name, grad in zip(names, got):
        alpha = hook.space.choices[name].alpha
        for i in range(len(alpha)):
            ends = []
            for sign in (1, -1):
                with torch.no_grad():
                    alpha[i] = sign * 1e-4
                ends.append(objective())
            with torch.no_grad():
                alpha[i] = 0
            largest = float(torch.cat(got).abs().max())  # the network's kinks are in the differences alone
            assert abs((ends[0] - ends[1]) / 2e-4 - float(grad[i])) < tolerance * largest


def prepared(model, batch):
    data = model.data_preprocessor(batch, True)
    return dict(data, inputs={name: x.double() for name, x in data['inputs'].items()})


def test_beta_reaches_the_scene_through_its_image(tmp_path):
    runs = [kit.train(search(tmp_path / str(beta), stop=1, beta=beta)) for beta in (0.0, 5.0)]
    first, second = ({n: c.alpha for n, c in SearchSpace(r.model).choices.items() if n.startswith('scene')}
                     for r in runs)
    assert any(not torch.allclose(first[name], second[name], rtol=1e-2) for name in first)


def test_agents_alternate(tmp_path):
    seen = []

    @HOOKS.register_module(force=True)
    class Watch(CooperativeSearchHook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            super().before_train_iter(runner, batch_idx, data_batch)
            seen.append(runner.model.stage)

    runner_cfg = search(tmp_path)
    runner_cfg.default_hooks.search.type = 'Watch'
    before = dict(MODELS.build(dict(runner_cfg.model, _scope_='mmfusenas')).named_parameters())
    runner = kit.train(runner_cfg)
    assert seen == ['scene', 'scene', 'task'] * 2 + ['scene', 'scene']
    assert before.keys() == dict(runner.model.named_parameters()).keys()
    assert all(choice.alpha.any() for choice in SearchSpace(runner.model).choices.values())


def test_a_turn_goes_on_until_the_loss_stops_falling():
    hook = CooperativeSearchHook(dataloader={}, alternation=[
        dict(stage='scene', tolerance=0.1, window=2, max_iters=9), dict(stage='task', iters=1)])
    for losses, over in (([4, 4, 2], False), ([4, 4, 2, 2], False), ([4, 4, 2, 2, 2, 1.9], True), ([1.0] * 4, True),
                         ([9, 8, 7, 6, 5, 4, 3, 2], False), ([9, 8, 7, 6, 5, 4, 3, 2, 1], True)):
        hook._losses = losses
        assert hook._over() == over, losses


@pytest.mark.parametrize('stop', [1, 2, 3, 4, 7])
def test_a_resumed_search_is_the_same(tmp_path, stop):
    adam = dict(optimizer=dict(type='Adam', lr=0.1))
    whole = kit.train(search(tmp_path / 'whole', **adam))
    changes = dict(default_hooks=dict(checkpoint=dict(interval=1)))
    kit.train(search(tmp_path / 'parts', stop=stop, changes=changes, **adam))
    part = kit.train(search(tmp_path / 'parts', changes=changes, **adam), resume=True)
    first, second = whole.model.state_dict(), part.model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    hooks = [kit.hook_of(runner, 'CooperativeSearchHook') for runner in (whole, part)]
    assert (hooks[0]._period, hooks[0]._losses) == (hooks[1]._period, hooks[1]._losses)


def test_other_turns_do_not_continue_a_search(tmp_path):
    kit.train(search(tmp_path, stop=3, changes=dict(default_hooks=dict(checkpoint=dict(interval=1)))))
    with pytest.raises(RuntimeError, match=r'its search differs \(alternation'):
        kit.train(search(
            tmp_path, alternation=[dict(stage='scene', iters=1), dict(stage='task', iters=1)]), resume=True)


def test_a_search_from_before_its_limit_was_renamed_goes_on(tmp_path):
    options = dict(alternation=[dict(stage='scene', tolerance=0.1, window=1, max_iters=6), dict(stage='task', iters=1)],
                   changes=dict(default_hooks=dict(checkpoint=dict(interval=1))))
    kit.train(search(tmp_path, stop=3, **options))
    path = tmp_path / (tmp_path / 'last_checkpoint').read_text()
    content = torch.load(path, weights_only=True)
    settings = content['bilevel_search']['settings']
    settings['turns'] = settings.pop('alternation')
    first = settings['turns'][0]
    first['most'] = first.pop('max_iters')
    content['bilevel_search']['settings']['phases'] = [dict(choices='')]
    torch.save(content, path)
    assert kit.train(search(tmp_path, **options), resume=True).iter > 3


def test_validation_sees_both_agents_in_whichever_period(tmp_path):
    stages = []

    @HOOKS.register_module(force=True)
    class WatchValidation(CooperativeSearchHook):
        def before_val_epoch(self, runner):
            super().before_val_epoch(runner)
            stages.append((self.stage, runner.model.stage))

    cfg = search(tmp_path, alternation=[dict(stage='scene', iters=4), dict(stage='task', iters=4)])
    cfg.default_hooks.search.type = 'WatchValidation'
    cfg.merge_from_dict(dict(
        train_cfg=dict(val_interval=1), val_cfg=dict(type='ValLoop'), val_dataloader=kit.loader(length=2),
        val_evaluator=dict(type='FusionMetric', metric=['EN'])))
    cfg.val_dataloader.sampler.shuffle = False
    cfg.model.update(denoise='never')  # the pairs have no reference: any metric will do
    runner = kit.train(cfg)
    assert stages == [('task', 'joint'), ('scene', 'joint')] and runner.iter == 8
    assert all(choice.alpha.any() for choice in SearchSpace(runner.model).choices.values())


@pytest.mark.parametrize('options', [
    dict(phases=dict(a=dict(choices='a', end=1), b=dict(choices='b'))),
    dict(alternation=[dict(stage='scene', iters=2)]),
    dict(beta=-1), dict(alternation=[dict(stage='joint', iters=1)]),
    dict(alternation=[dict(stage='scene', iters=1), dict(stage='task', tolerance=0.1)]), dict(interval=2),
    # A period that may be over before its first step on the choices, and one that compares nothing.
    dict(interval=50, alternation=[
        dict(stage='scene', tolerance=0.1, window=10, max_iters=500), dict(stage='task', iters=50)]),
    dict(alternation=[dict(stage='scene', tolerance=0.1, window=0, max_iters=5), dict(stage='task', iters=1)])])
def test_alternations_that_cannot_be_taken_are_named(options):
    with pytest.raises(ValueError, match='CooperativeSearchHook got'):
        CooperativeSearchHook(dataloader={}, **options)


def test_an_interval_counts_the_steps_of_a_period(tmp_path):
    # Periods of three and one, as long as the interval that would fall into the alternation of the task alone.
    runner = kit.train(search(tmp_path, interval=2, epochs=2, alternation=[
        dict(stage='scene', iters=2), dict(stage='task', iters=2)]))
    assert kit.hook_of(runner, 'CooperativeSearchHook').streams[0].position == 4
    assert all(choice.alpha.any() for choice in SearchSpace(runner.model).choices.values())


@pytest.mark.parametrize('losses, over', [
    ([10, 10, 9.5, 9.5], True), ([10, 10, 8.5, 8.5], False), ([-10, -10, -10.5, -10.5], True),
    ([-10, -10, -12, -12], False), ([99, 10, 10, 9.5, 9.5], True), ([10, 9.5, 9.5], False), ([10, 9] * 3, True)])
def test_a_turn_is_over_where_the_mean_loss_has_not_fallen_by_the_share(losses, over):
    """A tenth of the size of the mean of the two before, or after six iterations at the latest."""
    hook = CooperativeSearchHook(dataloader={}, alternation=[
        dict(stage='scene', tolerance=0.1, window=2, max_iters=6), dict(stage='task', iters=1)])
    hook._losses = [float(loss) for loss in losses]
    assert hook._over() == over


def test_the_history_has_the_losses_of_both_levels(tmp_path):
    kit.train(search(tmp_path, epochs=1, changes=dict(export={})))  # the last of four steps is the scene's
    entry = json.loads((tmp_path / 'search.json').read_text())['epochs'][0]
    assert entry['upper_loss'] == pytest.approx(entry['scene_upper_loss'] + BETA * entry['scene_task_loss'])
    assert entry['lower_loss'] == entry['scene_lower_loss']
    assert {'scene_grad_norm', 'scene_task_grad_norm'} < set(entry)


def test_accumulated_gradients_of_two_agents_are_refused(tmp_path):
    with pytest.raises(ValueError, match='accumulative_counts=2.*mix the gradients of scene and task'):
        kit.train(search(tmp_path, changes={'optim_wrapper.accumulative_counts': 2}))


def test_two_hooks_do_not_set_the_stage_of_one_model(tmp_path):
    cfg = search(tmp_path)
    cfg.custom_hooks.append(dict(type='TaskGuidanceHook', final_stage='scene'))
    with pytest.raises(ValueError, match='take the TaskGuidanceHook out'):
        kit.train(cfg)


def detection(root, tmp_path):
    """The search of the config for detectors in small: a narrow ResNet, small scenes, four iterations."""
    cfg = Config.fromfile(root / 'configs/ruas/ssd_search_demo.py')
    few = ['c_1', 'c_3']
    cfg.merge_from_dict(dict(
        work_dir=str(tmp_path), experiment_name=tmp_path.name, log_level='ERROR', train_cfg=dict(max_epochs=1),
        train_dataloader=dict(num_workers=0, persistent_workers=False, dataset=dict(length=8, size=(64, 80))),
        val_cfg=None, val_dataloader=None, val_evaluator=None,
        model=dict(scene=dict(stages=2, operators=['skip', 'rc_1', 'c_3']), task=dict(
            backbone=dict(_delete_=True, type='ResNet', depth=18, base_channels=4, stem_channels=4),
            neck=dict(operators=few, extras=((8, 12, 2), (4, 6, 2))),
            bbox_head=dict(operators=few, in_channels=(4, 8, 16, 32, 12, 6))))))
    hook = cfg.default_hooks.search
    hook.alternation, hook.interval = [dict(stage='scene', iters=2), dict(stage='task', iters=2)], 1
    hook.optimizer = dict(type='SGD', lr=1.0)
    hook.dataloader.merge(dict(num_workers=0, persistent_workers=False, dataset=dict(length=8, size=(64, 80))))
    return cfg


def test_a_detector_is_searched_with_its_scene_module(root, tmp_path):
    found = {}

    @HOOKS.register_module(force=True)
    class WatchDetection(CooperativeSearchHook):
        def _hyper_gradient(self, runner, upper, lower, alphas):
            grads, log = super()._hyper_gradient(runner, upper, lower, alphas)
            found.setdefault(self.stage, []).append((len(alphas), log))
            return grads, log

    cfg = detection(root, tmp_path)
    cfg.default_hooks.search.type = 'WatchDetection'
    runner = kit.train(cfg)
    choices = SearchSpace(runner.model).choices
    scene = [name for name in choices if name.startswith('scene.')]
    assert [count for count, _ in found['scene']] == [len(scene)] * 2
    assert [count for count, _ in found['task']] == [len(choices) - len(scene)] * 2
    # The losses of detection, which are lists, reach the scene's choices through its image alone.
    assert all(log['scene_task_grad_norm'] > 0 and log['scene_task_loss'] > 0 for _, log in found['scene'])
    # A level of the head that no object falls to has nothing to learn of boxes.
    still = [name for name, choice in choices.items() if not choice.alpha.any()]
    assert all('reg_convs' in name for name in still) and len(still) < 6, still


@pytest.mark.parametrize('hook', ['CooperativeSearchHook', 'TaskGuidanceHook'])
def test_another_number_of_classes_is_named_before_the_training(root, tmp_path, hook):
    cfg = detection(root, tmp_path)
    cfg.model.task.bbox_head.num_classes = 4
    if hook == 'TaskGuidanceHook':
        cfg.default_hooks.search = dict(type=hook)
    with pytest.raises(ValueError, match='num_classes=4.*5 classes'):
        kit.train(cfg)


def test_models_without_stages_or_choices_are_named(tmp_path):
    with pytest.raises(TypeError, match='TIMFusion, which has no stages'):
        kit.train(search(tmp_path, model=dict(channels=4)))
    decided = dict(RUAS, scene=dict(type='RUASScene', genotype='ruas-scene', loss=dict(type='RTVSceneLoss')))
    with pytest.raises(ValueError, match='no open choice of the scene'):
        kit.train(search(tmp_path, model=decided))
