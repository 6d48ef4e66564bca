"""Which images are frames of one video, and splits that keep them on one side."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mmfusenas.core.errors import InputError

_LAST_NUMBER = re.compile(r'^(.*?)(\d+)(\D*)$')


def parse_frame(stem: str) -> tuple[tuple[str, str], int]:
    """Split a stem into its video (what stands round the last number) and the frame number.

    Example:
        >>> parse_frame('FLIR_video_00069'), parse_frame('00591D'), parse_frame('lake')
        ((('FLIR_video_', ''), 69), (('', 'D'), 591), (('lake', ''), 0))
    """
    match = _LAST_NUMBER.match(stem)
    return ((match[1], match[3]), int(match[2])) if match else ((stem, ''), 0)


def find_sequences(stems: Iterable[str], gap: int = 10) -> list[list[str]]:
    """Group stems that look like frames of one video.

    Args:
        stems: Stems of the images.
        gap: Largest step between the numbers of two frames that follow each other.

    Returns:
        Sequences in order; within each the frames in order.

    Example:
        >>> find_sequences(['00004N', '00008N', '00591D', '00012N', '00596D'], gap=5)
        [['00004N', '00008N', '00012N'], ['00591D', '00596D']]
    """
    sequences: list[list[str]] = []
    last = None
    for (video, number), stem in sorted((parse_frame(stem), stem) for stem in stems):
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
        raise InputError(f'A block of {block} frames has nothing left after a guard of {guard}.')
    blocks = [list(sequence[start:start + block]) for start in range(0, len(sequence), block)]
    return [frames[:len(frames) - guard] if frames is not blocks[-1] else frames for frames in blocks]


def split_sequences(
    sequences: Sequence[Sequence[str]], shares: Mapping[str, float], seed: int = 0
) -> dict[str, list[str]]:
    """Assign whole sequences to the parts of a split, so that each comes close to its share of the frames.

    Args:
        sequences: Frames that have to stay together.
        shares: Share of each part; they are scaled to a sum of 1.
        seed: Seed of the order in which sequences of one length are split.

    Returns:
        Sorted stems of each part.

    Raises:
        ValueError: There are fewer sequences than parts.

    Example:
        >>> split_sequences([['a1', 'a2', 'a3'], ['b1']], dict(train=3, test=1))
        {'train': ['a1', 'a2', 'a3'], 'test': ['b1']}
    """
    if len(sequences) < len(shares):
        raise InputError(
            f'{len(sequences)} sequences cannot be split into {len(shares)} parts ({", ".join(shares)}): one video '
            'would lie on both sides. Use a smaller gap, or cut long videos: make_split.py --block 100 --guard 10.'
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


def make_folds(stems: Iterable[str], n_splits: int, gap: int = 10, block: int | None = None) -> list[list[str]]:
    """Part stems into folds for cross-validation; the frames of one run stay in one fold.

    A run is a sequence of :func:`find_sequences`, or a part of one that is longer than ``block``. Runs are split one by
    one, the longest first, to the fold that has fewest frames of that kind of video, by day (``00591D``) or by night
    (``00681N``) for instance, and of those to the one that has fewest frames.

    Args:
        stems: Stems of the images.
        n_splits: Number of folds.
        gap: Largest step between the numbers of two frames that follow each other in a run.
        block: Largest number of frames in a run; longer ones are cut into parts of nearly one length. None: no cuts.

    Returns:
        Sorted stems of each fold.

    Raises:
        ValueError: There are fewer runs than folds, or ``n_splits`` or ``block`` is too small.

    Example:
        >>> make_folds(['00004N', '00008N', '00012N', '00591D', '00596D'], n_splits=2)
        [['00004N', '00008N', '00012N'], ['00591D', '00596D']]
    """
    if n_splits < 2 or (block is not None and block < 1):
        raise InputError(f'Folds need n_splits of at least 2 and a block of at least 1, got {n_splits} and {block}.')
    runs = [run for sequence in find_sequences(stems, gap) for run in _cut_evenly(sequence, block or len(sequence))]
    if len(runs) < n_splits:
        raise InputError(
            f'{len(runs)} runs of frames (gap={gap}, block={block}) cannot be split into {n_splits} folds: frames of '
            'one run would lie in several. Ask for fewer folds, or cut long runs by a smaller block.')
    folds: list[list[str]] = [[] for _ in range(n_splits)]
    frames = [Counter() for _ in folds]  # of each kind of video in each fold
    for run in sorted(runs, key=lambda run: -len(run)):
        kind = parse_frame(run[0])[0]
        # A fold without frames has the least of both, so none stays empty.
        fold = min(range(n_splits), key=lambda k: (frames[k][kind], frames[k].total()))
        folds[fold] += run
        frames[fold][kind] += len(run)
    return [sorted(fold) for fold in folds]


def fold_subset(
    stems: Sequence[str], fold: int, n_splits: int, subset: str = 'train', gap: int = 10, block: int | None = None
) -> list[str]:
    """Return the stems that one split of a cross-validation trains or tests on.

    The test subset is the fold. The train subset is what lies in the other folds, without the frames whose numbers are
    within ``gap`` of one of the fold in the same video, which a cut of a long run would leave on both sides.

    Args:
        stems: Stems of all images.
        fold: Number of the fold that is tested on, from 0.
        n_splits: As of :func:`make_folds`, like ``gap`` and ``block``.
        subset: ``'train'`` or ``'test'``.

    Returns:
        Those of ``stems``, in their order.

    Raises:
        ValueError: There is no such fold or subset, or there are too few runs.

    Example:
        >>> frames = ['00004N', '00008N', '00012N', '00016N', '00020N', '00024N']
        >>> fold_subset(frames, 0, 2, 'test', gap=4, block=3), fold_subset(frames, 0, 2, 'train', gap=4, block=3)
        (['00004N', '00008N', '00012N'], ['00020N', '00024N'])
    """
    if subset not in ('train', 'test') or not 0 <= fold < n_splits:
        raise InputError("A split of a cross-validation has 0 <= fold < n_splits and the subset 'train' or 'test', got "
                         f'fold={fold}, n_splits={n_splits}, subset={subset!r}.')
    tested = set(make_folds(stems, n_splits, gap, block)[fold])
    if subset == 'test':
        return [stem for stem in stems if stem in tested]
    near: dict[tuple[str, str], set[int]] = {}
    for video, number in map(parse_frame, tested):
        near.setdefault(video, set()).update(range(number - gap, number + gap + 1))
    return [stem for stem, (video, number) in zip(stems, map(parse_frame, stems))
            if stem not in tested and number not in near.get(video, ())]


def _cut_evenly(frames: Sequence[str], most: int) -> list[list[str]]:
    """Cut frames into as few parts of at most ``most`` as there have to be, of lengths that differ by one at most."""
    parts = -(-len(frames) // most)
    ends = [len(frames) * k // parts for k in range(parts + 1)]
    return [list(frames[start:end]) for start, end in zip(ends, ends[1:])]
