"""Splits that keep a video on one side."""
import pytest

from mmfusenas.datasets.sequences import (
    cut_blocks,
    find_sequences,
    fold_subset,
    make_folds,
    parse_frame,
    split_sequences,
)


def numbered(start, stop, step=1, form='{:05d}N'):
    return [form.format(number) for number in range(start, stop, step)]


def test_a_jump_in_the_numbers_or_another_name_is_another_video():
    night, later, day = numbered(0, 40, 4), numbered(100, 120), numbered(0, 5, form='{:05d}D')
    loose = ['lake', 'house']
    found = find_sequences([*later, *day, *night, *loose], gap=4)
    assert sorted(map(tuple, found)) == sorted(map(tuple, [night, later, day, ['lake'], ['house']]))


def test_numbers_and_not_letters_order_the_frames():
    assert find_sequences(['v10', 'v9', 'v11']) == [['v9', 'v10', 'v11']]


@pytest.mark.parametrize('seed', range(5))
def test_dealing_keeps_videos_whole_and_comes_close_to_the_shares(seed):
    sequences = [numbered(1000 * k, 1000 * k + 5 + k) for k in range(30)]
    shares = dict(train=0.7, val=0.1, test=0.2)
    parts = split_sequences(sequences, shares, seed)
    everything = [stem for part in parts.values() for stem in part]
    assert sorted(everything) == sorted(stem for sequence in sequences for stem in sequence)
    side = {stem: name for name, part in parts.items() for stem in part}
    assert all(len({side[stem] for stem in sequence}) == 1 for sequence in sequences)
    for name, share in shares.items():
        assert len(parts[name]) / len(everything) == pytest.approx(share, abs=0.02)
    assert split_sequences(sequences, shares, seed) == parts


def test_no_part_stays_empty_while_there_are_videos():
    parts = split_sequences([numbered(0, 100), numbered(500, 600)], dict(train=0.95, test=0.05))
    assert {name: len(part) for name, part in parts.items()} == dict(train=100, test=100)


def test_one_video_cannot_be_dealt_to_two_parts():
    with pytest.raises(ValueError, match=r'1 sequences.*2 parts.*--block 100 --guard 10'):
        split_sequences([numbered(0, 100)], dict(train=0.8, test=0.2))


def test_blocks_leave_a_guard_between_them():
    blocks = cut_blocks(numbered(0, 250), block=100, guard=10)
    assert [(block[0], block[-1]) for block in blocks] == [
        ('00000N', '00089N'), ('00100N', '00189N'), ('00200N', '00249N')]
    with pytest.raises(ValueError, match='block of 5.*guard of 5'):
        cut_blocks(numbered(0, 250), block=5, guard=5)


DAY, NIGHT = numbered(0, 200, 4, form='{:05d}D'), numbered(300, 460, 4)


def test_folds_hold_every_frame_once_and_equal_parts_of_day_and_night():
    stems = DAY + NIGHT
    folds = make_folds(stems, n_splits=3, gap=4, block=10)
    assert sorted(stem for fold in folds for stem in fold) == sorted(stems)
    assert [sum(stem.endswith('D') for stem in fold) for fold in folds] == [20, 20, 10]
    assert [len(fold) for fold in folds] == [30, 30, 30]
    assert make_folds(reversed(stems), n_splits=3, gap=4, block=10) == folds


def test_runs_stay_whole():
    runs = [numbered(1000 * k, 1000 * k + 12 + 4 * (k % 3), 4) for k in range(7)]
    folds = make_folds([stem for run in runs for stem in run], n_splits=3, gap=4)
    fold_of = {stem: k for k, fold in enumerate(folds) for stem in fold}
    assert all(len({fold_of[stem] for stem in run}) == 1 for run in runs) and all(folds)


def test_long_runs_are_cut_into_parts_of_nearly_one_length():
    folds = make_folds(numbered(0, 22), n_splits=3, gap=1, block=10)
    assert sorted(map(len, folds)) == [7, 7, 8] and all(len(find_sequences(fold, gap=1)) == 1 for fold in folds)


def test_no_frame_is_trained_on_near_one_that_is_tested_on():
    # Day and night have the same numbers, which makes them no neighbours.
    stems = numbered(0, 200, 4, form='{:05d}D') + numbered(2, 202, 4)
    tested = []
    for fold in range(4):
        train, test = (fold_subset(stems, fold, 4, subset, gap=8, block=10) for subset in ('train', 'test'))
        frames = [(*parse_frame(a), *parse_frame(b)) for a in train for b in test]
        apart = [abs(first - second) for video, first, other, second in frames if video == other]
        assert min(apart) == 12
        # Of each kind a block of ten is tested on, or two, with at most two frames left out on each side of one.
        assert 0 < len(stems) - len(train) - len(test) <= 4 * len(test) // 10
        assert train == [stem for stem in stems if stem in train]
        tested += test
    assert sorted(tested) == sorted(stems)


@pytest.mark.parametrize('options, message', [
    (dict(n_splits=3), r'2 runs of frames \(gap=4, block=None\) cannot be split into 3 folds'),
    (dict(n_splits=1), 'n_splits of at least 2 and a block of at least 1, got 1 and None'),
    (dict(n_splits=2, block=0), 'got 2 and 0'),
])
def test_folds_that_cannot_be_made(options, message):
    with pytest.raises(ValueError, match=message):
        make_folds(DAY + NIGHT, gap=4, **options)


@pytest.mark.parametrize('options', [dict(fold=2), dict(fold=-1), dict(fold=0, subset='val')])
def test_splits_that_there_are_not(options):
    with pytest.raises(ValueError, match='0 <= fold < n_splits and the subset'):
        fold_subset(DAY + NIGHT, n_splits=2, **options)
