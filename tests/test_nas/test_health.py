"""What gradients of successive steps have in common, by hand and of known signal and noise."""
import itertools

import pytest
import torch

from mmfusenas.nas import Choice
from mmfusenas.nas.health import NOISE, SearchHealth, conclusion, decided, warning


def health_of(steps):
    health = SearchHealth()
    for grads in steps:
        health.add(grads)
    return health


def drawn(count, signal, seed=0):
    """Steps of two choices with a noise of 1/4: the first has a mean of length ``signal``, the second none."""
    generator = torch.Generator().manual_seed(seed)
    mean = torch.zeros(8)
    mean[0] = signal
    return [dict(first=mean + torch.randn(8, generator=generator) / 4, second=torch.randn(8, generator=generator) / 4)
            for _ in range(count)]


def test_cosine_and_drift_are_those_of_the_pairs_of_steps():
    steps = drawn(7, 0.5)
    units = [torch.cat(list(step.values())) for step in steps]
    units = [unit / unit.norm() for unit in units]
    cosines = [float(a @ b) for a, b in itertools.combinations(units, 2)]
    report = health_of(steps).report(['first', 'second'])
    assert report['steps'] == 7
    assert report['cosine'] == pytest.approx(sum(cosines) / len(cosines), rel=1e-5)
    assert report['drift'] == pytest.approx(float(sum(units).square().sum()) / 7, rel=1e-5)
    assert report['drift'] == pytest.approx(1 + 6 * report['cosine'], rel=1e-5)


def test_signal_over_noise_is_that_of_which_the_gradients_were_drawn():
    report = health_of(drawn(2000, 0.5)).report(['first', 'second'])
    # A mean of 0.5 with a noise of 1/4 in each of 8 components: 0.5 / (8 / 16) ** 0.5.
    assert report['signal']['first'] == pytest.approx(0.5 / 0.5**0.5, rel=0.1)
    assert report['signal']['second'] < 0.1
    assert health_of(drawn(2000, 0.0)).report(['first'])['signal']['first'] < 0.1


def test_steps_that_agree_and_none():
    grads = dict(op=torch.tensor([1.0, -1.0]))
    report = health_of([grads] * 5).report(['op'])
    assert report['cosine'] == pytest.approx(1) and report['drift'] == pytest.approx(5)
    assert report['signal']['op'] == pytest.approx(1000)
    assert health_of([grads]).report(['op']) == {} == health_of([grads] * 2).report(['other'])
    assert health_of([dict(op=torch.zeros(2))] * 3).report(['op']) == {}


def test_choices_that_take_turns_have_steps_of_their_own():
    health = health_of([dict(a=torch.tensor([1.0])), dict(b=torch.tensor([1.0])), dict(a=torch.tensor([1.0])),
                        dict(b=torch.tensor([-1.0]))])
    report = health.report(['a', 'b'])
    assert report['steps'] == 2 and report['cosine'] == 0 and report['drift'] == 1
    assert health.report(['a'])['cosine'] == 1 and health.report(['b'])['cosine'] == -1


def test_it_goes_on_from_its_state():
    steps = drawn(6, 0.5)
    first, second = health_of(steps[:4]), SearchHealth()
    second.load_state_dict(first.state_dict())
    for step in steps[4:]:
        second.add(step)
    assert second.report(['first', 'second']) == health_of(steps).report(['first', 'second'])


def test_noise_is_warned_of_and_a_signal_is_not():
    noisy = signals = 0
    for seed in range(50):
        for signal in (0.0, 1.0):
            report = health_of(drawn(40, signal, seed)).report(['first', 'second'])
            noisy += bool(warning(report)) and not signal
            signals += bool(warning(report)) and bool(signal)
    assert (noisy, signals) == (50, 0)


def test_the_warning_comes_each_time_that_the_steps_have_doubled_and_says_what_was_measured():
    said = [steps for steps in range(200) if warning(dict(steps=steps, cosine=0.01, drift=1.2))]
    assert said == [20, 40, 80, 160]
    message = warning(dict(steps=20, cosine=0.012, drift=1.44))
    for fact in ('20 steps', '0.012', '1.2 times', 'independent=8', 'begin=', 'FirstOrder', 'probe_space.py'):
        assert fact in message
    assert not warning(dict(steps=20, cosine=0.2, drift=NOISE)) and not warning({})


def choice_of(*logits, relaxed=True):
    choice = Choice({f'op{k}': torch.nn.Identity() for k in range(len(logits))})
    choice.alpha.data.copy_(torch.tensor(logits))
    choice.relax() if relaxed else choice.select('op0')
    return choice


def test_how_far_choices_are_from_uniform_leaves_out_what_is_no_choice():
    half, third = choice_of(0.0, 0.0), choice_of(torch.tensor(4.0).log().item(), 0.0, 0.0)  # 2 / 3 of three
    assert decided([half, third])['over_uniform'] == pytest.approx((1 + 2) / 2)
    assert decided([half, choice_of(5.0), choice_of(9.0, 0.0, relaxed=False)]) == dict(over_uniform=1.0)
    assert decided([choice_of(5.0)]) == {}


@pytest.mark.parametrize(('steps', 'over_uniform', 'said'), [
    (19, 1.5, True), (20, 1.5, False), (20, 1.1, False), (500, 1.09, True), (0, 1.0, True)])
def test_a_search_of_few_steps_or_near_to_uniform_choices_is_warned_of(steps, over_uniform, said):
    message = conclusion(dict(steps=steps, over_uniform=over_uniform))
    facts = (f'after {steps} steps', f'{over_uniform:.2f} times', 'random choice', 'more epochs', 'optimizer.lr')
    assert all(fact in message for fact in facts) if said else not message
    assert not conclusion({})
