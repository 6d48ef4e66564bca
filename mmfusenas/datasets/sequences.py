"""Which pictures are frames of one video, and splits that keep them on one side."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

_LAST_NUMBER = re.compile(r'^(.*?)(\d+)(\D*)$')


def frame_of(stem: str) -> tuple[tuple[str, str], int]:
    """Split a stem into its video (what stands round the last number) and the frame number.

    Example:
        >>> frame_of('FLIR_video_00069'), frame_of('00591D'), frame_of('lake')
        ((('FLIR_video_', ''), 69), (('', 'D'), 591), (('lake', ''), 0))
    """
    match = _LAST_NUMBER.match(stem)
    return ((match[1], match[3]), int(match[2])) if match else ((stem, ''), 0)


def find_sequences(stems: Iterable[str], gap: int = 10) -> list[list[str]]:
    """Group stems that look like frames of one video.

    Args:
        stems: Stems of the pictures.
        gap: Largest step between the numbers of two frames that follow each other.

    Returns:
        Sequences in order; within each the frames in order.

    Example:
        >>> find_sequences(['00004N', '00008N', '00591D', '00012N', '00596D'], gap=5)
        [['00004N', '00008N', '00012N'], ['00591D', '00596D']]
    """
    sequences: list[list[str]] = []
    last = None
    for (video, number), stem in sorted((frame_of(stem), stem) for stem in stems):
        if last is None or last[0] != video or number - last[1] > gap:
            sequences.append([])
        sequences[-1].append(stem)
        last = video, number
    return sorted(sequences, key=lambda sequence: sequence[0])


def cut_blocks(sequence: Sequence[str], block: int, guard: int = 0) -> list[list[str]]:
    """Cut a long video into blocks of ``block`` frames, leaving out ``guard`` frames at every cut.

    Example:
        >>> cut_blocks(['a1', 'a2', 'a3', 'a4', 'a5'], block=3, guard=1)
        [['a1', 'a2'], ['a4', 'a5']]
    """
    if block <= guard:
        raise ValueError(f'A block of {block} frames has nothing left after a guard of {guard}.')
    blocks = [list(sequence[start:start + block]) for start in range(0, len(sequence), block)]
    return [frames[:len(frames) - guard] if frames is not blocks[-1] else frames for frames in blocks]


def deal_sequences(
    sequences: Sequence[Sequence[str]], shares: Mapping[str, float], seed: int = 0
) -> dict[str, list[str]]:
    """Deal whole sequences to the parts of a split, so that each comes close to its share of the frames.

    Args:
        sequences: Frames that have to stay together.
        shares: Share of each part; they are scaled to a sum of 1.
        seed: Seed of the order in which sequences of one length are dealt.

    Returns:
        Sorted stems of each part.

    Raises:
        ValueError: There are fewer sequences than parts.

    Example:
        >>> deal_sequences([['a1', 'a2', 'a3'], ['b1']], dict(train=3, test=1))
        {'train': ['a1', 'a2', 'a3'], 'test': ['b1']}
    """
    if len(sequences) < len(shares):
        raise ValueError(
            f'{len(sequences)} sequences cannot be dealt to {len(shares)} parts ({", ".join(shares)}): one video would '
            'lie on both sides. Use a smaller gap, or cut long videos: make_split.py --block 100 --guard 10.'
        )
    unit = sum(map(len, sequences)) / sum(shares.values())
    parts: dict[str, list[str]] = {name: [] for name in shares}
    order = np.random.default_rng(seed).permutation(len(sequences))
    order = sorted(order, key=lambda index: -len(sequences[index]))
    for place, index in enumerate(order):
        empty = [name for name in parts if not parts[name]]
        # The last sequences go to parts that have nothing yet; before, to the one that lacks most frames.
        names = empty if len(order) - place <= len(empty) else list(parts)
        parts[max(names, key=lambda name: shares[name] * unit - len(parts[name]))] += sequences[index]
    return {name: sorted(stems) for name, stems in parts.items()}
