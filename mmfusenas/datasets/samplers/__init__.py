from mmfusenas.datasets.samplers.resumable_batch_sampler import ResumableBatchSampler
from mmfusenas.datasets.samplers.resumable_sampler import ResumableSampler

__all__ = ['ResumableBatchSampler', 'ResumableSampler']
