"""Building the Runner, also in several processes on a machine without a GPU (mmengine's initialisation calls CUDA)."""
from __future__ import annotations

import os
import subprocess

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmfusenas.core.errors import StateError

# Where each launcher puts rank, number of processes, and rank on its machine.
_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}


def build_runner(cfg: Config, local_rank: int = 0) -> Runner:
    """Build the Runner of a config, in the group of processes where a launcher started several.

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
    if not torch.cuda.is_available() and cfg.launcher == 'none':
        # Less time for an iteration of a fusion network on a CPU; values differ by rounding only. Not in several
        # processes: the data-parallel wrapper has laid out its buckets by then.
        runner.model.to(memory_format=torch.channels_last)
    return runner


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
