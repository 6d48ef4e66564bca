"""Levin's blurred images."""
from __future__ import annotations

from mmfusenas.datasets.images import ImageError
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.datasets.problems import Problem
from mmfusenas.datasets.transforms.load_kernel import read_kernel
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class LevinDataset(PairDataset):
    """The blurred images of Levin et al. (CVPR 2009): four images, each with eight kernels of a shaken camera.

    The published ``.mat`` files become, by ``tools/dataset_converters/levin.py``, ``blurred`` and ``sharp`` (PNG) and
    ``kernel`` (``.npy``, K x K), with names such as ``im05_flit01``. A sample also has ``kernel_path``, for
    :class:`LoadKernel`.

    Arguments and errors as of :class:`PairDataset`.

    Example:
        >>> LevinDataset(data_root='data/levin', lazy_init=True).data_prefix['kernel']
        'data/levin/kernel'
    """

    PREFIX = dict(img='blurred', reference='sharp', kernel='kernel')

    def scan(self) -> tuple[list[dict], list[Problem]]:
        """As of :class:`PairDataset`, with ``kernel_path``; a kernel that is missing or none is an error."""
        infos, problems = super().scan()
        for info in infos:
            info['kernel_path'] = self.beside(info['img_path'], 'kernel', '.npy')
            try:
                read_kernel(info['kernel_path'])
            except ImageError as error:
                problems.append(Problem('error', 'no kernel', info['kernel_path'], str(error)))
        return infos, problems
