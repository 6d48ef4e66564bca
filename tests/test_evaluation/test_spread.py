"""Standard errors by the jackknife, and what cannot be told apart."""
import numpy as np
import pytest

from mmfusenas.evaluation.spread import Score, jackknife, tell_apart


def test_of_a_mean_it_is_the_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=9).tolist()
    score = jackknife(np.mean, values)
    assert score.value == pytest.approx(np.mean(values))
    assert score.error == pytest.approx(np.std(values, ddof=1) / 3)


def test_groups_are_neighbours() -> None:
    seen = []
    score = jackknife(lambda part: seen.append(list(part)) or len(part), list(range(7)), groups=3)
    assert seen[:3] == [[3, 4, 5, 6], [0, 1, 2, 5, 6], [0, 1, 2, 3, 4]]
    assert score.value == 7 and score.without.tolist() == [4, 5, 5]


def test_one_image_has_no_error() -> None:
    assert np.isnan(jackknife(np.mean, [2.0]).error)


def test_the_difference_counts_and_not_the_spread_of_the_images() -> None:
    # Images differ by far more than the methods do: the second is worse on every one of them.
    images = np.array([1.0, 50.0, 100.0, 20.0])
    scores = dict(a=jackknife(np.mean, images), b=jackknife(np.mean, images - [0.9, 1.0, 1.1, 1.0]),
                  c=jackknife(np.mean, images + [-9.0, 9.0, -9.0, 8.0]))
    assert scores['a'].error > 20
    assert tell_apart(scores) == dict(a='*', b='', c='=')
    assert tell_apart(scores, higher_is_better=False) == dict(a='', b='*', c='=')


def test_two_standard_errors_tell_apart() -> None:
    """Differences of mean d and standard error 1: d = 2.1 is told apart, d = 1.9 is not."""
    noise = np.array([-3.0, -1.0, 1.0, 3.0])
    noise /= np.std(noise, ddof=1) / 2
    best = jackknife(np.mean, np.zeros(4))
    for distance, mark in ((2.1, ''), (1.9, '=')):
        assert tell_apart(dict(best=best, other=jackknife(np.mean, noise - distance)))['other'] == mark


def test_the_error_of_a_difference_is_that_of_the_pairs() -> None:
    first, second = np.random.default_rng(1).normal(size=(2, 12))
    gap = jackknife(np.mean, first).minus(jackknife(np.mean, second))
    assert isinstance(gap, Score)
    assert gap.error == pytest.approx(np.std(first - second, ddof=1) / np.sqrt(12))
