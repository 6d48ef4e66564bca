"""Splits that keep a video on one side."""
import pytest

from mmfusenas.datasets.sequences import cut_blocks, deal_sequences, find_sequences


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
    parts = deal_sequences(sequences, shares, seed)
    everything = [stem for part in parts.values() for stem in part]
    assert sorted(everything) == sorted(stem for sequence in sequences for stem in sequence)
    side = {stem: name for name, part in parts.items() for stem in part}
    assert all(len({side[stem] for stem in sequence}) == 1 for sequence in sequences)
    for name, share in shares.items():
        assert len(parts[name]) / len(everything) == pytest.approx(share, abs=0.02)
    assert deal_sequences(sequences, shares, seed) == parts


def test_no_part_stays_empty_while_there_are_videos():
    parts = deal_sequences([numbered(0, 100), numbered(500, 600)], dict(train=0.95, test=0.05))
    assert {name: len(part) for name, part in parts.items()} == dict(train=100, test=100)


def test_one_video_cannot_be_dealt_to_two_parts():
    with pytest.raises(ValueError, match=r'1 sequences cannot be dealt to 2 parts .*--block 100 --guard 10'):
        deal_sequences([numbered(0, 100)], dict(train=0.8, test=0.2))


def test_blocks_leave_a_guard_between_them():
    blocks = cut_blocks(numbered(0, 250), block=100, guard=10)
    assert [(block[0], block[-1]) for block in blocks] == [
        ('00000N', '00089N'), ('00100N', '00189N'), ('00200N', '00249N')]
    with pytest.raises(ValueError, match='block of 5 frames has nothing left after a guard of 5'):
        cut_blocks(numbered(0, 250), block=5, guard=5)
