"""How well paths of a supernet do on validation images."""
from __future__ import annotations

import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.model import BaseModel
from rich.progress import track
from torch import Tensor
from torch.utils.data import Dataset

from mmfusenas.core.errors import InputError
from mmfusenas.core.evaluating import evaluating
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.sampling import PathSampler
from mmfusenas.utils.random_state import seeded


class PathScorer:
    """Runs single paths of a supernet, with the weights that they inherit, over a data set; the lower, the better.

    The batches are read once and kept. Several processes share the paths among them. The choices are left as the last
    path has them.

    Args:
        model: The supernet, without the wrapper of distributed training.
        dataset: The data set; its pipeline should give the same each time.
        batch_size: Images a batch.
        metric: What counts: ``'loss'``, or another name that the model gives beside its losses (``'rmse'``, or
            ``'ratio'`` of :class:`GuidedSR`, in which no image outweighs the others). The mean over the batches,
            weighed by their images, is the score. Defaults to 'loss'.

    Raises:
        ValueError: If the model gives nothing of that name, or the score is not finite.

    Example:
        >>> from mmfusenas.registry import DATASETS
        >>> model = MODELS.build(dict(type='GuidedSR', net=dict(type='GuidedSRNet', channels=4, blocks=1)))
        >>> pipeline = [dict(type='DegradeTarget'), dict(type='PackPairInputs')]
        >>> dataset = DATASETS.build(dict(
        ...     type='SyntheticGuidedScenes', target='depth', length=2, size=(96, 128), pipeline=pipeline))
        >>> space = SearchSpace(model)
        >>> sampler = PathSampler(space)
        >>> PathScorer(model, dataset, batch_size=2)(sampler, sampler.sample(5)).shape
        torch.Size([5])
    """

    def __init__(self, model: BaseModel, dataset: Dataset, batch_size: int, metric: str = 'loss') -> None:
        self.model, self.metric, self.space = model, metric, SearchSpace(model)
        with seeded(0):
            samples = [dataset[i] for i in range(len(dataset))]
        self.batches = [model.data_preprocessor(pseudo_collate(samples[i:i + batch_size]), False)
                        for i in range(0, len(samples), batch_size)]

    def __call__(self, sampler: PathSampler, paths: Tensor) -> Tensor:
        """Return the scores of paths N x L, N numbers in double precision, the same in all processes."""
        rank, step = get_rank(), get_world_size()
        scores = torch.zeros(len(paths), dtype=torch.float64)
        with evaluating(self.model):
            for i in track(range(rank, len(paths), step), 'scoring paths', disable=rank > 0, transient=True):
                self.space.select(sampler.choices(paths[i]))
                scores[i] = self._score()
        all_reduce(scores)
        if not scores.isfinite().all():
            broken = sampler.choices(paths[~scores.isfinite()][0])
            raise InputError(f'The path {broken} gives a {self.metric} that is not finite. Lower the learning rate of '
                             'the supernet, or look at the images with tools/analysis_tools/check_dataset.py.')
        return scores

    def _score(self) -> float:
        values = []
        for batch in self.batches:
            logged = self.model.parse_losses(self.model(**batch, mode='loss'))[1]
            if self.metric not in logged:
                raise InputError(f'{type(self.model).__name__} gives {sorted(logged)} and no {self.metric!r}; '
                                 'set `metric`.')
            values.append(float(logged[self.metric]) * len(batch['data_samples']))
        return sum(values) / sum(len(batch['data_samples']) for batch in self.batches)
