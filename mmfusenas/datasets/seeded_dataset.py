"""A dataset whose random augmentation depends on (seed, epoch, index) alone."""
from __future__ import annotations

from typing import Any

from mmfusenas.datasets.alternating_dataset import AlternatingDataset
from mmfusenas.registry import DATASETS
from mmfusenas.utils.random_state import seeded


@DATASETS.register_module()
class SeededDataset:
    """Wrap a dataset so that a sample is a function of (seed, epoch, index).

    It is indexed by *codes*, ``epoch * len + index``, which :class:`ResumableSampler` yields. Before a sample's
    pipeline runs, ``random``, ``numpy.random`` and torch's CPU generator are seeded from (seed, epoch, index), and
    put back after it. So it does not matter which worker process, rank or run draws the sample, and none of the
    training's own random numbers depend on the data. A pipeline that keeps a generator or a cache of its own
    (``CachedMosaic``) is outside that reach.

    Everything else (``metainfo``, ``full_init``, ``pipeline``, ...) is the wrapped dataset's.

    Args:
        dataset: Dataset, or the config of one.
        seed: Seed of the run, not negative.

    Example:
        >>> patches = dict(type='JointTransform', transforms=[dict(type='RandomPatch', size=(8, 8))])
        >>> dataset = SeededDataset(dict(type='SyntheticScenes', length=20, size=(96, 128), pipeline=[patches]), seed=0)
        >>> code = dataset.encode(epoch=3, index=17)
        >>> code, (dataset[code]['img'] == dataset[code]['img']).all().item()
        (77, True)
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        self.seed = seed

    def encode(self, epoch: int, index: int) -> int:
        """Return the code of sample ``index`` in ``epoch``."""
        return epoch * len(self.dataset) + index

    def decode(self, code: int) -> tuple[int, int]:
        """Return (epoch, index) of a code."""
        return divmod(code, len(self.dataset))

    def reseed(self, seed: int) -> None:
        """Take another seed: a resumed run continues with the seed of its checkpoint, known only after building."""
        self.seed = seed

    def __getitem__(self, code: int) -> Any:
        epoch, index = self.decode(code)
        with seeded(self.seed, epoch, index):
            if isinstance(self.dataset, AlternatingDataset):
                return self.dataset.in_epoch(epoch, index)
            return self.dataset[index]

    def __len__(self) -> int:
        return len(self.dataset)

    def get_data_info(self, code: int) -> dict:
        """Return the annotation of the sample that ``code`` stands for (batch samplers ask for it)."""
        return self.dataset.get_data_info(self.decode(code)[1])

    def get_cat_ids(self, code: int) -> list[int]:
        """Return the categories of the sample that ``code`` stands for."""
        return self.dataset.get_cat_ids(self.decode(code)[1])

    @property
    def pipeline(self) -> Any:
        """The wrapped dataset's pipeline; mmdet's ``PipelineSwitchHook`` assigns it."""
        return self.dataset.pipeline

    @pipeline.setter
    def pipeline(self, pipeline: Any) -> None:
        self.dataset.pipeline = pipeline

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is not found here. Unpickling in a worker asks before ``dataset`` is there.
        if name == 'dataset':
            raise AttributeError(name)
        return getattr(self.dataset, name)
