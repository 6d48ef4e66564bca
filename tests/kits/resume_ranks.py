"""Trains the toy of ``kits.resume`` in two gloo processes, stopped and resumed; a program of its own.

``test_resume_ranks.py`` runs it as ``python -m kits.resume_ranks FOLDER``; it prints what it found as JSON.
"""
from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

import torch
from mmengine.config import Config
from torch import distributed

from kits import resume as kit
from mmfusenas.utils.launch import wrapper_cfg


def config(folder: Path, **options):
    """Config for two processes whose random numbers differ."""
    # Without EMA: its average of weights that only the first process stores is not what is looked at here.
    return kit.config(
        folder, ema=False, interval=2, launcher='pytorch', model_wrapper_cfg=wrapper_cfg(Config()),
        randomness=dict(seed=5, diff_rank_seed=True), **options)


def train(rank: int, folder: Path) -> None:
    """What each of the two processes does."""
    torch.set_num_threads(1)
    distributed.init_process_group('gloo', init_method=f'file://{folder}/meeting', rank=rank, world_size=2)
    os.environ['LOCAL_RANK'] = str(rank)
    whole = kit.train(config(folder / 'whole'))
    kit.train(config(folder / 'parts'), stop=3)
    part = kit.train(config(folder / 'parts'), resume=True)
    states = [kit.state(whole), kit.state(part)]
    if rank > 0:
        # mmengine keeps the first process's log histories only; the others write no logs.
        for state in states:
            del state['history']
    result = dict(
        first=kit.hook_of(part, 'RecordHook').losses[0][0], differences=kit.differences(*states),
        torch=int(torch.get_rng_state().sum()))
    (folder / f'rank_{rank}.json').write_text(json.dumps(result))
    distributed.barrier()


def main(folder: Path) -> dict:
    """Run both, then try to go on alone."""
    folder.mkdir(parents=True)
    kit.import_all()
    children = []
    for rank in (0, 1):
        child = os.fork()
        if child == 0:
            try:
                train(rank, folder)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0, 0], codes
    try:
        kit.train(kit.config(folder / 'parts', ema=False), resume=True)
        error = None
    except RuntimeError as raised:
        error = str(raised)
    return dict(ranks=[json.loads((folder / f'rank_{rank}.json').read_text()) for rank in (0, 1)], alone=error)


if __name__ == '__main__':
    print(json.dumps(main(Path(sys.argv[1]))))
