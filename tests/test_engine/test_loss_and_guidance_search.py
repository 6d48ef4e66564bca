"""Searches of a loss, and of the guidance that proxies predict, by the hook that searches architectures."""
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.cnn import VGG
from mmengine.config import Config

from kits import search as kit
from mmfusenas.apis.deriving import found_supernet
from mmfusenas.apis.loading import load_model
from mmfusenas.engine.search_checks import check_losses
from mmfusenas.models.classifiers import QualityClassifier
from mmfusenas.models.losses import GuidanceLoss, QualityLoss
from mmfusenas.models.losses.vgg_distances import vgg_layers
from mmfusenas.nas import FirstOrder, Genotype, SearchSpace, Unrolled
from mmfusenas.registry import MODELS
from mmfusenas.utils.checkpoint import load_checkpoint
from mmfusenas.utils.config_check import check_config
from mmfusenas.utils.unwrap_model import unwrap_model


def state(runner):
    return {name: value.clone() for name, value in unwrap_model(runner).state_dict().items()}


def same(first, second):
    assert set(first) == set(second)
    return [name for name in first if not torch.equal(first[name], second[name])] == []


def parts_of(runner):
    return {name: tensor for name, tensor in state(runner).items() if 'alpha' in name}


# The loss

def test_the_loss_first_then_the_network(tmp_path):
    first = kit.train(kit.config(tmp_path, epochs=2, stop=3, **kit.loss_search(tmp_path / 'q')))
    early = parts_of(first)
    assert not torch.equal(early['loss.weights.alpha'], torch.ones(3))
    assert all(not alpha.any() for name, alpha in early.items() if name.startswith('net')), 'near-uniform'
    whole = kit.train(kit.config(tmp_path / 'whole', epochs=2, **kit.loss_search(tmp_path / 'q')))
    late = parts_of(whole)
    assert any(alpha.any() for name, alpha in late.items() if name.startswith('net'))
    history = json.loads((tmp_path / 'whole/search.json').read_text())['epochs']
    weights = [epoch['weights']['loss.weights'] for epoch in history]
    assert weights[0] == weights[1] == dict(zip(('l1', 'ssim', 'tv'), late['loss.weights.alpha'].tolist()))
    assert unwrap_model(whole).loss.weights.is_fixed


def test_a_loss_of_images_needs_a_model_that_makes_some():
    with pytest.raises(ValueError, match=r"\['GuidanceLoss'\].*QualityClassifier.*images"):
        check_losses(QualityClassifier(), [[None], [GuidanceLoss()]])


def test_the_upper_level_of_the_loss_is_the_score_of_the_classifier(tmp_path):
    """One step of the weights of the loss is the unrolled gradient of the frozen classifier's cross-entropy."""
    cfg = kit.config(tmp_path, epochs=1, stop=1, **kit.loss_search(tmp_path / 'q'))
    cfg.default_hooks.search.optimizer = dict(type='SGD', lr=1.0)
    seen = {}
    original = Unrolled.__call__

    def spy(self, upper, lower, upper_params, *args, **kwargs):
        grads, log = original(self, upper, lower, upper_params, *args, **kwargs)
        seen.update(grads=grads, upper=float(upper().detach()), lower=float(lower().detach()), params=upper_params)
        return grads, log

    Unrolled.__call__ = spy
    try:
        runner = kit.train(cfg)
    finally:
        Unrolled.__call__ = original
    hook = kit.hook_of(runner, 'BilevelSearchHook')
    weights = unwrap_model(runner).loss.weights.alpha
    torch.testing.assert_close(weights.detach(), (1 - seen['grads'][0]).clamp(min=0))
    assert [id(p) for p in seen['params']] == [id(weights)]
    assert seen['upper'] == pytest.approx(0.7, abs=0.2), 'two classes, untrained'
    assert not any(p.requires_grad for p in hook.losses[0][0].parameters())
    assert not any('classifier' in name for name in unwrap_model(runner).state_dict())


def learning(folder):
    """Return the options of a loss search whose classifier goes on learning."""
    options = kit.loss_search(folder)
    options['search']['phases']['loss']['losses'][0]['optimizer'] = dict(type='Adam', lr=1e-2)
    return options


def test_the_classifier_learns_what_the_network_makes_before_it_is_asked(tmp_path, monkeypatch):
    """One step on what is made of the training batch, then the score, in its phase alone."""
    events, learn, call = [], QualityLoss.learn, Unrolled.__call__

    def spy_learn(self, images, inputs, data_samples=None):
        before = [weight.clone() for weight in self.classifier.parameters()]
        value = learn(self, images, inputs, data_samples)
        assert all(not torch.equal(weight, old) for weight, old in zip(self.classifier.parameters(), before))
        events.append(('learn', images['image'].clone(), {name: x.clone() for name, x in inputs.items()}))
        return value

    def spy_call(self, upper, lower, *args, **kwargs):
        events.append(('ask',))
        return call(self, upper, lower, *args, **kwargs)

    monkeypatch.setattr(QualityLoss, 'learn', spy_learn)
    monkeypatch.setattr(Unrolled, '__call__', spy_call)
    runner = kit.train(kit.config(tmp_path, epochs=2, **learning(tmp_path / 'q')))
    steps = len(runner.train_dataloader)
    assert [event[0] for event in events] == [*steps * ['learn', 'ask'], *steps * ['ask']], 'in its phase alone'
    scalars = runner.message_hub.get_scalar('train/search_QualityLoss_learning').data[0]
    assert len(scalars) == steps
    loss = kit.hook_of(runner, 'BilevelSearchHook').losses[0][0]
    assert not any(weight.requires_grad or weight.grad is not None for weight in loss.parameters())


def test_learning_leaves_the_network_alone(tmp_path):
    frozen = state(kit.train(kit.config(tmp_path / 'a', epochs=1, stop=1, **kit.loss_search(tmp_path / 'q'))))
    learned = state(kit.train(kit.config(tmp_path / 'b', epochs=1, stop=1, **learning(tmp_path / 'q'))))
    differing = {name for name in frozen if not torch.equal(frozen[name], learned[name])}
    assert differing <= {'loss.weights.alpha'}, 'weights and statistics are those of the training step'


def test_a_resumed_search_has_the_classifier_where_it_was(tmp_path):
    whole = kit.train(kit.config(tmp_path / 'whole', **learning(tmp_path / 'q')))
    for stop in (3, 6, None):
        part = kit.train(kit.config(tmp_path / 'parts', stop=stop, **learning(tmp_path / 'q')), resume=True)
    assert same(state(part), state(whole))
    losses = [kit.hook_of(runner, 'BilevelSearchHook').losses[0][0].state_dict() for runner in (whole, part)]
    assert all(torch.equal(losses[0][name], losses[1][name]) for name in losses[0] if name != '_extra_state')
    assert [int(loss['_extra_state']['state'][0]['step']) for loss in losses] == [4, 4]


def test_searched_weights_keep_their_sum(tmp_path):
    options = kit.loss_search(tmp_path / 'q')
    options['model']['loss']['total'] = 3.0
    runner = kit.train(kit.config(tmp_path, epochs=1, **options))
    weights = unwrap_model(runner).loss.weights.alpha
    assert float(weights.sum()) == pytest.approx(3.0) and not torch.equal(weights.detach(), torch.ones(3))


def test_a_loss_is_not_searched_by_first_order(tmp_path):
    options = kit.loss_search(tmp_path / 'q')
    options['search']['strategy'] = dict(type='FirstOrder')
    with pytest.raises(ValueError, match="FirstOrder for choices='.loss', the weights of a loss"):
        kit.train(kit.config(tmp_path, **options))


def test_a_loss_is_not_searched_by_itself(tmp_path):
    options = kit.loss_search(tmp_path / 'q')
    options['search']['phases']['loss']['losses'].append('model')
    with pytest.raises(ValueError, match=r"losses=\['model'\] for choices='.loss', .*QualityLoss"):
        kit.train(kit.config(tmp_path, **options))


def test_padding_counts_in_no_upper_loss(tmp_path):
    runner = kit.train(kit.config(tmp_path, stop=1, **kit.proxy_search()))
    hook, model = kit.hook_of(runner, 'BilevelSearchHook'), unwrap_model(runner)
    data = model.data_preprocessor(next(iter(runner.train_dataloader)), training=True)
    height, width = data['inputs']['visible'].shape[2:]
    data['data_samples'][0].set_metainfo(dict(img_shape=(height - 4, width)))
    for of_image in data['inputs'].values():
        if of_image.shape[2:] == (height, width):
            of_image[0, :, -4:] = 0
    upper, = hook.losses[0]
    single = []
    with torch.no_grad():
        images = model.images(data['inputs'])
        for i, rows in enumerate([height - 4, *(len(data['data_samples']) - 1) * [height]]):
            part = {name: maps[i:i + 1, :, :rows] for name, maps in images.items()}
            single.append(float(upper(part, data['inputs'])['loss_guidance']))
        padded = float(upper(images, data['inputs'])['loss_guidance'])
        loss = float(hook._loss(runner, data, 1, of_images=upper))
    assert loss == pytest.approx(sum(single) / len(single), rel=1e-5)
    assert loss != pytest.approx(padded, rel=1e-3)


def test_a_classifier_is_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.pth.*First train the classifier, configs/hadamard/quality.py'):
        QualityLoss(str(tmp_path / 'none.pth'))


@pytest.mark.parametrize('exact', [False, True])
def test_mixed_precision_spares_a_difference_of_gradients(tmp_path, exact):
    seen = []

    @MODELS.register_module(force=True)
    class Seeing(QualityLoss):
        def forward(self, images, inputs):
            seen.append(torch.is_autocast_enabled('cpu'))
            return super().forward(images, inputs)

    options = kit.loss_search(tmp_path / 'q')
    options['search']['strategy'] = dict(type='Unrolled', exact=exact)
    options['search']['phases']['loss']['losses'][0]['type'] = 'Seeing'
    cfg = kit.config(tmp_path, epochs=1, stop=1, **options)
    cfg.optim_wrapper.type = 'CPUAmpOptimWrapper'
    kit.train(cfg)
    assert set(seen) == {exact}


def test_a_resumed_loss_search_is_the_same(tmp_path):
    whole = kit.train(kit.config(tmp_path / 'whole', **kit.loss_search(tmp_path / 'q')))
    for stop in (3, 6, None):  # in the middle of either phase
        part = kit.train(kit.config(tmp_path / 'parts', stop=stop, **kit.loss_search(tmp_path / 'q')), resume=True)
    assert part.iter == whole.iter and same(state(part), state(whole))
    for name in ('genotype.json', 'search.json', 'genotypes/epoch_1.json'):
        assert (tmp_path / 'parts' / name).read_text() == (tmp_path / 'whole' / name).read_text(), name


def test_what_was_found_retrains_by_the_found_loss(tmp_path):
    runner = kit.train(kit.config(tmp_path, **kit.loss_search(tmp_path / 'q')))
    retrain = Config.fromfile(tmp_path / 'retrain.py')
    check_config(retrain)
    model = MODELS.build(dict(retrain.model, _scope_='mmfusenas'))
    assert len(SearchSpace(model)) == 0
    found = unwrap_model(runner).loss.weights.best()
    assert model.loss.weights.weights == {name: weight for name, weight in found.items() if weight}
    data = dict(inputs=dict(visible=torch.rand(1, 3, 16, 20), reference=torch.rand(1, 3, 16, 20)))
    supernet = unwrap_model(runner)
    space = SearchSpace(supernet)
    genotype = space.genotype()
    space.select(genotype.choices)
    derived = space.derive(genotype)
    model.load_state_dict(derived.state_dict())
    for module in (supernet, model):
        module.eval()
    torch.testing.assert_close(model(**data, mode='loss'), supernet(**data, mode='loss'))


def test_a_search_of_the_loss_is_no_model_yet(tmp_path):
    kit.train(kit.config(tmp_path, stop=4, **kit.loss_search(tmp_path / 'q')))
    with pytest.raises(ValueError, match='checkpoint of a search.*no derived'):
        load_model(str(next(tmp_path.glob('iter_*.pth'))))


def test_layers_of_vgg_are_searched_with_the_weights(tmp_path):
    """Every group's layer is a choice of the first phase: learned, decided, exported; and a resumed run is the same."""
    torch.manual_seed(0)
    torch.save(VGG(16).state_dict(), tmp_path / 'vgg.pth')

    def options():
        options = kit.loss_search(tmp_path / 'q')
        options['model']['loss'].update(terms=('l1', 'vgg'), vgg=str(tmp_path / 'vgg.pth'))
        return options

    whole = kit.train(kit.config(tmp_path / 'whole', **options()))
    first = json.loads((tmp_path / 'whole/search.json').read_text())['epochs'][0]['probabilities']
    layers = [name for name in first if name.startswith('loss.layers')]
    assert len(layers) == 4 and all(max(first[name]) > min(first[name]) for name in layers)
    found = Genotype.load(tmp_path / 'whole/genotype.json').part('loss')
    loss = MODELS.build(dict(Config.fromfile(tmp_path / 'whole/retrain.py').model, _scope_='mmfusenas')).loss
    for i, layer in enumerate(loss.layers):
        assert layer.index == vgg_layers(16)[i].index(found.choices[f'layers.{i}'])
    for stop in (3, None):
        part = kit.train(kit.config(tmp_path / 'parts', stop=stop, **options()), resume=True)
    assert same(state(part), state(whole))


# The guidance

def test_proxies_learn_by_the_inner_loss_and_the_rest_by_the_outer(tmp_path, monkeypatch):
    """After one iteration: the network as after a plain step, the proxies as after Adam on the inner loss."""
    idle = kit.proxy_search()
    idle['search']['interval'] = 4  # not yet after one iteration
    alone = state(kit.train(kit.config(tmp_path / 'plain', stop=1, **idle)))
    seen = {}
    call, inner = FirstOrder.__call__, GuidanceLoss.forward

    def spy_call(self, *args, **kwargs):
        grads, log = call(self, *args, **kwargs)
        seen.update(grads=grads, upper=log['upper_loss'])
        return grads, log

    def spy_inner(self, images, inputs):
        losses = inner(self, images, inputs)
        seen['inner'] = losses['loss_guidance'].detach()
        return losses

    monkeypatch.setattr(FirstOrder, '__call__', spy_call)
    monkeypatch.setattr(GuidanceLoss, 'forward', spy_inner)
    model = unwrap_model(kit.train(kit.config(tmp_path, stop=1, **kit.proxy_search())))
    assert torch.equal(seen['upper'], seen['inner'])
    theta = [name for name, _ in model.named_parameters() if 'proxy' in name]
    for name, value in model.state_dict().items():
        if name in theta:
            grad = seen['grads'][theta.index(name)]
            step = 1e-2 * grad / (grad.abs() + 1e-8)  # the first of Adam
            torch.testing.assert_close(value, alone[name] - step, rtol=0, atol=1e-6)
        else:
            assert torch.equal(value, alone[name]), name
    assert all(grad.any() for grad in seen['grads'])


def test_a_proxy_of_no_phase_is_an_error(tmp_path):
    options = kit.proxy_search()
    options['search']['phases']['proxies']['choices'] = r'stages\.0\.proxy'
    with pytest.raises(RuntimeError, match='Nothing trains this GuidanceProxy'):
        kit.train(kit.config(tmp_path, **options))


@pytest.mark.parametrize('ema', [False, True])
def test_a_resumed_search_of_guidance_is_the_same(tmp_path, ema):
    whole = kit.train(kit.config(tmp_path / 'whole', ema=ema, **kit.proxy_search()))
    for stop in (2, 5, 7, None):
        part = kit.train(kit.config(tmp_path / 'parts', ema=ema, stop=stop, **kit.proxy_search()), resume=True)
    assert part.iter == whole.iter and same(state(part), state(whole))


def test_weights_to_begin_with_are_no_resume(tmp_path):
    first = kit.train(kit.config(tmp_path / 'first', **kit.proxy_search()))
    cfg = kit.config(tmp_path / 'second', stop=1, **kit.proxy_search())
    cfg.default_hooks.search.optimizer.lr = 1e-6
    cfg.load_from = str(tmp_path / 'first' / Path((tmp_path / 'first/last_checkpoint').read_text()).name)
    second = kit.train(cfg)
    hook = kit.hook_of(second, 'BilevelSearchHook')
    assert hook.optimizer.param_groups[0]['lr'] == 1e-6 and first.iter == 8
    step = [int(state['step']) for state in hook.optimizer.state.values()]
    assert set(step) == {1}, 'an optimizer of its own'


def test_a_model_with_proxies_needs_no_deriving(tmp_path):
    runner = kit.train(kit.config(tmp_path, **kit.proxy_search()))
    model = load_model(str(tmp_path / Path((tmp_path / 'last_checkpoint').read_text()).name))
    assert not any(p.requires_grad for p in model.stages[0].proxy.parameters())
    assert set(model.state_dict()) == set(state(runner))
    path = str(next(tmp_path.glob('*.pth')))
    with pytest.raises(ValueError, match='no choices to derive.*tools/infer.py --model'):
        found_supernet(load_checkpoint(path), path)


def test_joint_training_goes_by_one_loss(tmp_path):
    options = kit.proxy_search()
    options['search']['phases'] = dict(proxies=dict(choices='proxy'))
    options['model']['guidance_loss'] = dict(type='GuidanceLoss')
    options['search']['optimizer'] = dict(type='SGD', lr=0.0)
    options['optim_wrapper'] = dict(_delete_=True, optimizer=dict(type='SGD', lr=0.0))
    runner = kit.train(kit.config(tmp_path, **options))
    scalars = {name: runner.message_hub.get_scalar(f'train/{name}').data[0] for name in (
        'search_upper_loss', 'loss_guidance', 'loss_stages')}
    assert all(len(values) == 8 for values in scalars.values())
    # Where nothing moves, the upper level sees on the same batch the same sum.
    total = scalars['loss_guidance'] + scalars['loss_stages']
    np.testing.assert_allclose(scalars['search_upper_loss'], total, rtol=1e-5)


def test_without_a_dataloader_the_training_batch_serves_both_levels(tmp_path):
    options = kit.loss_search(tmp_path / 'q')
    options['search']['dataloader'] = None
    runner = kit.train(kit.config(tmp_path, **options))
    assert runner.iter == 8 and not torch.equal(unwrap_model(runner).loss.weights.alpha.detach(), torch.ones(3))
