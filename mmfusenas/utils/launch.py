"""Building the Runner, also in several processes on a machine without a GPU (mmengine's initialisation calls CUDA)."""
from __future__ import annotations

import fcntl
import logging
import os
import re
import subprocess
from pathlib import Path
from typing import IO

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmfusenas.core.errors import StateError
from mmfusenas.engine.hooks.class_count_hook import ClassCountHook
from mmfusenas.models.utils.memory_layout import prefer_channels_last
from mmfusenas.utils.allocator import return_freed_memory

# Where each launcher puts rank, number of processes, and rank on its machine.
_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}

LOCK = '.training'
"""File of a work dir that a running training has locked."""

_PARAMETER = re.compile(r'paramwise_options -- | is skipped since its requires_grad=False| is duplicate\. It is ')

_held: list[IO[str]] = []


def build_runner(cfg: Config, local_rank: int = 0) -> Runner:
    """Build the Runner of a config, in the group of processes where a launcher started several.

    A :class:`ClassCountHook` compares the numbers of classes of model and data. The console shows no line for each
    parameter; the log file does.

    Args:
        cfg: Config with ``launcher`` and ``work_dir`` set.
        local_rank: Rank on this machine, for launchers that pass it as an argument.
    """
    if cfg.launcher != 'none':
        # mmengine chooses the GPU of an mpi process by mpi's own variable, and the GPU of its wrapper by this one.
        os.environ.setdefault('LOCAL_RANK', os.environ.get(_VARIABLES[cfg.launcher][2], str(local_rank)))
        if not torch.cuda.is_available():
            init_cpu_group(cfg.launcher)
        cfg.model_wrapper_cfg = cfg.get('model_wrapper_cfg') or wrapper_cfg(cfg)
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    leave_parameters_to_the_file(runner.logger)
    runner.register_hook(ClassCountHook())
    if not torch.cuda.is_available() and cfg.launcher == 'none':
        # Less time for an iteration of a fusion network on a CPU; values differ by rounding only. Not in several
        # processes: the data-parallel wrapper has laid out its buckets by then.
        prefer_channels_last(runner.model)
    if not torch.cuda.is_available() and any(getattr(module, 'with_cp', False) for module in runner.model.modules()):
        return_freed_memory()  # who computes layers again wants the memory more than the time
    return runner


def leave_parameters_to_the_file(logger: MMLogger) -> None:
    """Show mmengine's line for each parameter, several hundred before the first iteration, in the log file alone.

    Args:
        logger: Of the Runner.
    """
    if logger.log_file is None:
        return
    for handler in logger.handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.addFilter(lambda record: not _PARAMETER.search(record.getMessage()))


def lock_work_dir(cfg: Config) -> None:
    """Keep the work dir for this training until its process ends, however it ends.

    Two trainings in one folder would write over each other's checkpoints. Of several processes the first keeps it.

    Args:
        cfg: Config with ``launcher`` and ``work_dir`` set.

    Raises:
        RuntimeError: Another training has it.
    """
    if cfg.launcher != 'none' and int(os.environ.get(_VARIABLES[cfg.launcher][0], 0)):
        return
    path = Path(cfg.work_dir, LOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, 'a+')
    try:
        # Such a lock is the process's own: its data loaders, which may outlive it, do not keep it.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        file.seek(0)
        holder = file.read().strip() or 'unknown'
        file.close()
        raise StateError(f'Another training runs in {cfg.work_dir} (process {holder}). Wait for it or end it, or give '
                         'this one another --work-dir.') from error
    except OSError:  # a file system without locks
        file.close()
        return
    file.truncate(0)
    file.write(f'{os.getpid()} on {os.uname().nodename}\n')
    file.flush()
    _held.append(file)  # closed, it would no longer be locked


def init_cpu_group(launcher: str) -> None:
    """Join the group of processes that ``launcher`` started, through gloo.

    The Runner leaves a group that exists as it is, so this comes before ``Runner.from_cfg``.

    Args:
        launcher: ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        RuntimeError: The launcher's variables are not there.
    """
    if launcher == 'slurm' and 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_slurm_host()
    os.environ.setdefault('MASTER_PORT', '29500')  # torch's default
    names = [*_VARIABLES[launcher], 'MASTER_ADDR']
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise StateError(
            f'--launcher {launcher} found no environment variable {", ".join(missing)}: it is for processes that were '
            'started by torchrun (tools/dist_train.sh), srun (tools/slurm_train.sh) or mpirun; leave it out otherwise.')
    for name, source in zip(_VARIABLES['pytorch'], _VARIABLES[launcher]):
        os.environ[name] = os.environ[source]
    dist.init_process_group('gloo')


def wrapper_cfg(cfg: Config) -> dict:
    """Return the config of the data-parallel wrapper: as the Runner's own, but with the first process's buffers in all.

    Checkpoints hold those of the first process (statistics of BatchNorm), so a resume can only continue exactly where
    the others have no statistics of their own. Without a GPU the wrapper is on no device in particular.
    """
    options = dict(type='MMDistributedDataParallel', broadcast_buffers=True,
                   find_unused_parameters=cfg.get('find_unused_parameters', False))
    return options if torch.cuda.is_available() else dict(options, device_ids=None)


def _first_slurm_host() -> str:
    nodes = os.environ.get('SLURM_NODELIST', '')
    shown = subprocess.run(['scontrol', 'show', 'hostname', nodes], capture_output=True, text=True, check=True).stdout
    return shown.split('\n')[0]
