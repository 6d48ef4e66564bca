"""A small real search: a fusion supernet of four channels on random pairs."""
from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.runner import Runner

from kits.resume import hook_of  # noqa: F401  (for the tests; it also registers the SignalHook)
from mmfusenas.models.classifiers import QualityClassifier
from mmfusenas.registry import DATASETS, HOOKS, MODELS, TRANSFORMS
from mmfusenas.structures import FusionDataSample

_RUNS = itertools.count()

RUAS = dict(
    _delete_=True, type='RUASEnhancement', denoise='always', loss=dict(type='DenoisingLoss'),
    scene=dict(type='RUASScene', stages=2, operators=['skip', 'rc_1', 'c_3'], loss=dict(type='RTVSceneLoss')),
    task=dict(type='NoiseRemoval', channels=4, num_cells=1, operators=['rc_1', 'c_3d2']))
"""A model of two agents for the cooperative search."""

RESTORATION = dict(
    _delete_=True, type='Restoration', net=dict(
        type='HadamardNet', channels=4, num_units=1, operators=('skip', 'c_1', 'dense_1'),
        coder_operators=('c_1', 'c_3')),
    loss=dict(type='RestorationLoss', terms=('l1', 'ssim', 'tv')))
"""A model whose loss is searched before its network."""

GUIDED = dict(
    _delete_=True, type='HyperGuidedRestoration', stages=2, stage=dict(
        type='GuidedStage', physics=dict(type='Deconvolution'),
        proxy=dict(type='GuidanceProxy', channels=8, init_value=0.5),
        denoiser=dict(type='DilatedDenoiser', channels=4, dilations=(1, 2, 1))))
"""A model whose guidance is learned by proxies."""


TWO_CELLS = {'model.num_cells': 2}
"""Of a search whose cells are told apart, or many; the others have one, for their time."""


@DATASETS.register_module(force=True)
class RandomPairs(BaseDataset):
    """Pairs of smooth random images, a function of the index alone."""

    METAINFO: dict = {}

    def __init__(self, length: int = 8, offset: int = 0, **kwargs: Any) -> None:
        self.length, self.offset = length, offset
        super().__init__(serialize_data=False, **kwargs)

    def load_data_list(self) -> list[dict]:
        return [dict(index=self.offset + i) for i in range(self.length)]


@TRANSFORMS.register_module(force=True)
class DrawPair:
    """Draw the pair of an index, with noise from the global generator, and pack it."""

    def __call__(self, results: dict) -> dict:
        generator = np.random.default_rng(results['index'])
        coarse = torch.from_numpy(generator.uniform(0, 255, (1, 4, 4, 5)))
        image = torch.nn.functional.interpolate(coarse, (16, 20), mode='bilinear')[0] + torch.rand(4, 16, 20)
        image = image.clamp(0, 255).to(torch.uint8)
        sample = FusionDataSample(metainfo=dict(img_shape=(16, 20), img_path='v', infrared_path='i'))
        return dict(inputs=dict(visible=image[:3], infrared=image[3:]), data_samples=sample)


@TRANSFORMS.register_module(force=True)
class DrawPoor(DrawPair):
    """The visible image of an index, made dark, with itself as reference, and a map of a noise level."""

    def __call__(self, results: dict) -> dict:
        packed = super().__call__(results)
        image = packed['inputs']['visible']
        packed['inputs'] = dict(visible=(image // 3).to(torch.uint8), reference=image,
                                noise=torch.full((1, *image.shape[1:]), 5.0 + results['index'] % 4))
        return packed


@HOOKS.register_module(force=True)
class StopHook(Hook):
    """Break off after ``stop`` iterations, when everything else of that iteration is done."""

    priority = 'LOWEST'

    def __init__(self, stop: int | None = None) -> None:
        self.stop = stop

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if runner.iter + 1 == self.stop:
            raise KeyboardInterrupt


def loader(**dataset: Any) -> dict:
    """Return the config of a dataloader of four batches of two."""
    return dict(
        dataset=dict(type='RandomPairs', pipeline=[dict(type='DrawPair')], **dataset),
        sampler=dict(type='DefaultSampler', shuffle=True), batch_size=2, num_workers=0)


def config(work_dir: Path, search: dict | None = None, export: dict | None = None, epochs: int = 2, ema: bool = False,
           stop: int | None = None, **changes: Any) -> Config:
    """Return the config of a search of eight iterations; ``search`` None leaves the search hook out."""
    hooks = dict(
        checkpoint=dict(type='SafeCheckpointHook', interval=3, by_epoch=False, max_keep_ckpts=2),
        stop=dict(type='StopHook', stop=stop))
    if search is not None:
        strategy = dict(type='ImplicitGaussNewton')
        hooks['search'] = dict(dict(type='BilevelSearchHook', dataloader=loader(offset=100), strategy=strategy,
                                    interval=2, optimizer=dict(type='Adam', lr=0.1)), **search)
    if export is not None:
        hooks['export'] = dict(type='GenotypeExportHook', **export)
    if ema:
        hooks['ema'] = dict(type='EMAHook')
    run = next(_RUNS)
    cfg = Config(dict(
        default_scope='mmfusenas', work_dir=str(work_dir), experiment_name=f'search-{run}', log_level='ERROR',
        model=dict(type='TIMFusion', channels=4, num_cells=1, cells=['successive', 'multi_scale'],
                   operators=['sa_3', 'dc_3', 'sc_3'], loss=dict(type='FusionLoss', form='information')),
        randomness=dict(seed=3), train_cfg=dict(type='ResumableEpochTrainLoop', max_epochs=epochs),
        train_dataloader=loader(), optim_wrapper=dict(
            optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-3)),
        default_hooks=hooks, custom_hooks=[], visualizer=dict(type='Visualizer', name=f'search-{run}')))
    cfg.merge_from_dict(changes)
    return cfg


def quality(folder: Path) -> str:
    """Write a classifier of quality, untrained, and return its file."""
    torch.manual_seed(7)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(QualityClassifier((8, 8)).state_dict(), folder / 'quality.pth')
    return str(folder / 'quality.pth')


def loss_search(folder: Path, **options: Any) -> dict:
    """Return options of :func:`config` that search the loss for an epoch, then the network."""
    score = dict(type='QualityLoss', checkpoint=quality(folder), classifier=dict(
        type='QualityClassifier', channels=(8, 8)))
    search = dict(strategy=dict(type='Unrolled'), interval=1, phases=dict(
        loss=dict(choices='^loss', end=1, losses=[score]), net=dict(choices='^net')),
        dataloader=poor(loader(offset=100)))
    return dict(search=search, export={}, model=copy.deepcopy(RESTORATION), train_dataloader=poor(loader()),
                **{'optim_wrapper.clip_grad': dict(max_norm=1.0)}, **options)


def proxy_search(**options: Any) -> dict:
    """Return options of :func:`config` that learn proxies in alternation with the network they guide."""
    search = dict(strategy=dict(type='FirstOrder'), interval=1, dataloader=None, optimizer=dict(type='Adam', lr=1e-2),
                  phases=dict(proxies=dict(choices='proxy', losses=[dict(type='GuidanceLoss')])))
    return dict(search=search, model=copy.deepcopy(GUIDED), train_dataloader=poor(loader()), **options)


def poor(dataloader: dict) -> dict:
    """Return the config of a dataloader with poor images in the place of pairs."""
    return dict(dataloader, dataset=dict(dataloader['dataset'], pipeline=[dict(type='DrawPoor')]))


def with_weights(cfg: Config, path: Path) -> Config:
    """Return the config, beginning with weights of its model, which are written to ``path``."""
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), path)
    cfg.load_from = str(path)
    return cfg


def train(cfg: Config, resume: bool = False) -> Runner:
    """Train (or be stopped by the StopHook) and return the runner."""
    cfg.resume = resume
    runner = Runner.from_cfg(cfg)
    try:
        runner.train()
    except KeyboardInterrupt:
        pass
    return runner
