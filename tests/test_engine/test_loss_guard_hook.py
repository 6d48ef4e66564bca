"""A loss that is not finite ends the run before the weights see it."""
import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import BaseDataElement

from kits import resume as kit
from kits import search as search_kit
from mmfusenas.engine.hooks.loss_guard_hook import LossGuardHook, image_files, non_finite_losses
from mmfusenas.registry import MODELS


def _losses(**values):
    return {name: [torch.tensor(v) for v in value] if isinstance(value, list) else torch.tensor(value)
            for name, value in values.items()}


@pytest.mark.parametrize('losses, expected', [
    (_losses(loss_cls=1., loss_bbox=[0.5, 2.]), []),
    (_losses(loss_cls=float('nan'), loss_bbox=1.), ['loss_cls = nan']),
    (_losses(loss_cls=1., loss_bbox=[0.5, float('inf')]), ['loss_bbox = inf']),
    (_losses(loss_a=float('inf'), loss_b=-float('inf')), ['loss_a = inf', 'loss_b = -inf']),
    (_losses(loss_a=1., accuracy=float('nan')), []),
    (_losses(accuracy=1.), []),
    ({'loss_bbox': []}, []),
    ({'loss_half': torch.tensor([60000., 60000.], dtype=torch.float16)}, []),
])
def test_non_finite_losses(losses, expected):
    assert non_finite_losses(losses) == expected


def test_image_files():
    samples = [BaseDataElement(metainfo=dict(img_path='a.png', infrared_path='b.png')),
               BaseDataElement(metainfo=dict(img_path='c.png'))]
    assert image_files(dict(inputs=[], data_samples=samples)) == ['a.png + b.png', 'c.png']
    assert image_files([1, 2]) == []


def _poisoned(tmp_path, **changes):
    """A training in which sample 4 gives a loss that is NaN, somewhere in the first epoch."""
    return kit.config(tmp_path, interval=1, ema=False, **{'model.poison': 4, **changes})


def test_run_ends_with_names_images_and_the_way_on(tmp_path):
    with pytest.raises(FloatingPointError) as error:
        kit.train(_poisoned(tmp_path))
    message = str(error.value)
    checkpoints = sorted(tmp_path.glob('iter_*.pth'), key=lambda path: int(path.stem[5:]))
    count = int(message.split('iteration ')[1].split()[0])
    assert f'iteration {count} (epoch 1): loss_parts = nan.' in message
    assert '\n  visible/4.png + infrared/4.png\n' in message
    assert len([line for line in message.splitlines() if line.startswith('  visible/')]) == kit.BATCH_SIZE
    assert f'the last good checkpoint is {checkpoints[-1]}' in message
    assert f'--resume {checkpoints[-1]} --cfg-options optim_wrapper.clip_grad.max_norm=10' in message
    # Nothing was saved after the last good iteration, and what was saved is sound.
    assert checkpoints[-1].stem == f'iter_{count - 1}'
    loaded = torch.load(checkpoints[-1], weights_only=True)['state_dict']
    assert all(bool(torch.isfinite(value).all()) for value in loaded.values())


def test_weights_are_not_touched_by_the_bad_batch(tmp_path):
    good = kit.train(kit.config(tmp_path / 'good', ema=False))
    runners = []

    class Keep(LossGuardHook):
        def before_train(self, runner):
            runners.append(runner)
            super().before_train(runner)

    cfg = _poisoned(tmp_path / 'bad')
    cfg.default_hooks.guard = Keep()
    with pytest.raises(FloatingPointError, match='A loss is not finite at iteration'):
        kit.train(cfg)
    bad = runners[0]
    clean = kit.train(kit.config(tmp_path / 'clean', ema=False), stop=bad.iter)
    assert good.iter == 18 and 0 < bad.iter < 6
    assert kit.differences(clean.optim_wrapper.state_dict(), bad.optim_wrapper.state_dict()) == []
    for (name, ours), theirs in zip(bad.model.named_parameters(), clean.model.parameters()):
        assert torch.equal(ours, theirs), name


def test_first_iteration_has_no_checkpoint_to_offer(tmp_path):
    cfg = _poisoned(tmp_path, **{'train_dataloader.batch_size': 22})
    with pytest.raises(FloatingPointError, match='iteration 1 .epoch 1.*\n(.*\n)*No checkpoint has been written yet'):
        kit.train(cfg)


def test_broken_weights_are_not_saved(tmp_path):
    # The first loss is finite, the step after it is not.
    cfg = kit.config(tmp_path, interval=1, ema=False, param_scheduler=None)
    cfg.optim_wrapper.optimizer.lr = float('inf')
    with pytest.raises(FloatingPointError, match=r'\d weights are not finite .layers.*no checkpoint is written at '
                                                 r'iteration 1\.\nNo checkpoint'):
        kit.train(cfg)
    assert list(tmp_path.glob('*.pth')) == []


def test_says_that_the_weights_were_broken_before(tmp_path):
    cfg = kit.config(tmp_path, interval=9, ema=False, param_scheduler=None)
    cfg.optim_wrapper.optimizer.lr = float('inf')
    with pytest.raises(FloatingPointError, match='iteration 2 (.*\n)*Weights were not finite before it'):
        kit.train(cfg)


def test_other_passes_and_copies_of_the_model_are_left_alone(tmp_path):
    guard, model = LossGuardHook(), kit.ToyModel(poison=1)
    guard.before_train(SimpleNamespace(model=model, iter=0, epoch=0, work_dir=tmp_path, cfg=Config()))
    batch = dict(inputs=[torch.rand(3), torch.rand(3)],
                 data_samples=[BaseDataElement(metainfo=dict(index=index)) for index in (0, 1)])
    assert not torch.isfinite(sum(model(**batch, mode='loss')['loss_parts']))  # not the training's own batch
    assert copy.deepcopy(model).poison == 1  # a copy does not take hook and runner with it
    guard.before_train_iter(None, 0, batch)
    assert len(model(**batch, mode='predict')) == 2
    with pytest.raises(FloatingPointError, match='iteration 1 .epoch 1.: loss_parts = nan'):
        model(**batch, mode='loss')
    guard.after_train(None)
    guard.before_train_iter(None, 0, batch)
    model(**batch, mode='loss')


CONSTANT = 'scene.illumination_spread is 0.0000: the illumination is nearly a constant'
WHITE = 'that many values of the brightened image are at 1'


@pytest.mark.parametrize('update, bias, found', [
    ('published', 2.0, [CONSTANT]), ('additive', -9.0, [CONSTANT, WHITE]), ('additive', 20.0, [])])
def test_an_illumination_that_is_lost_is_told_once(tmp_path, update, bias, found):
    """A cell of constants in the published form is one gain; a large gradient of the additive one leaves white."""
    model = dict(search_kit.RUAS, denoise='never', scene=dict(
        type='RUASScene', genotype='ruas-scene', stages=1, update=update, loss=dict(type='RTVSceneLoss')),
        task=dict(type='NoiseRemoval', genotype='ruas-denoise'))
    cfg = search_kit.config(
        tmp_path, model=model, train_dataloader=search_kit.poor(search_kit.loader()),
        **{'optim_wrapper.optimizer.lr': 0.0, 'optim_wrapper.optimizer.weight_decay': 0.0})
    weights = MODELS.build(cfg.model).state_dict()
    weights['scene.cell.distill.0.weight'].zero_()
    weights['scene.cell.distill.0.bias'].fill_(bias)
    torch.save(dict(state_dict=weights), tmp_path / 'start.pth')
    cfg.load_from, cfg.log_level = str(tmp_path / 'start.pth'), 'WARNING'
    cfg.default_hooks.loss_guard = dict(type='LossGuardHook', interval=3, saturated=0.9)
    runner = search_kit.train(cfg)
    assert {'train/scene.illumination_spread', 'train/scene.saturated_share'} <= set(runner.message_hub.log_scalars)
    text = next(tmp_path.rglob('*.log')).read_text()
    assert text.count('Iteration 3: scene.') == len(found) and 'Iteration 6: scene.' not in text
    assert all(line in text for line in found)
