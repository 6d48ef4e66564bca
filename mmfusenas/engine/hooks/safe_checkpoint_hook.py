"""Checkpoints that survive a crash and from which a run continues exactly."""
from __future__ import annotations

from collections import deque
from inspect import signature
from pathlib import Path
from typing import Any

from mmengine.dist import all_gather_object, get_world_size, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmfusenas.core.errors import InputError, InputTypeError, StateError
from mmfusenas.core.files import PARTIAL_SUFFIX, atomic_write, remove_partial_files, write_text
from mmfusenas.core.names import nearest
from mmfusenas.registry import HOOKS
from mmfusenas.utils.checkpoint import LEAST_SHARE, check_plain, extract_weights, fitting_share, latest_checkpoint
from mmfusenas.utils.checkpoint_content import (
    configs,
    plain_message_hub,
    restore_histories,
    to_plain,
    without_functions,
)
from mmfusenas.utils.random_state import get_random_state, set_random_state
from mmfusenas.utils.safe_loading import use_safe_loading
from mmfusenas.utils.unwrap_model import unwrap_model

STOPPED = 'stopped.pth'
# Files are moved into place, so they are local ones.
_REMOTE = ('file_client_args', 'backend_args')


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook``, with files that are never half written and hold all that an exact resume needs.

    - A checkpoint is written beside (``*.partial``), flushed, and moved into place; ``last_checkpoint`` follows; only
      then are outdated and outdone files removed. A crash at any moment leaves the last good checkpoint and the way
      to it.
    - It holds the random state of every process, the position inside the epoch, and the number of processes, besides
      what mmengine stores. With :class:`ResumableEpochTrainLoop` or :class:`ResumableIterTrainLoop` a resumed run is
      exact.
    - It holds tensors and plain values only, so ``torch.load(weights_only=True)`` reads it. The config travels as JSON
      in ``meta['cfg']``, where mmengine puts Python text, and what rebuilds the model (with its scope) in
      ``meta['model_cfg']``.
    - Ctrl-C or SIGTERM lets one process finish its iteration and write ``stopped.pth``, from which ``--resume`` goes on
      (with the same two loops); the next checkpoint takes its place. Where one was just written, that is it.
    - Building it makes MMEngine read files without running code from them
      (:func:`~mmfusenas.utils.safe_loading.use_safe_loading`), so a Runner with it is safe whoever builds it.
    - ``save_best`` passes over a validation without its metric (mmdet gives none where nothing was predicted).

    Hooks that keep state of their own store it in ``before_save_checkpoint``, read it in ``after_load_checkpoint``,
    and have a higher priority than this one (``VERY_LOW``). ``before_save_checkpoint`` runs in the first process only:
    no communication there.

    Args:
        **options: Options of mmengine's ``CheckpointHook`` (``interval``, ``by_epoch``, ``max_keep_ckpts``,
            ``save_best``, ...), except those for remote storage. ``by_epoch=False`` counts iterations, also in
            training by epochs.

    Raises:
        TypeError: There is no option of that name, or it is for remote storage.
        ValueError: ``out_dir`` is not a local folder.

    Example:
        >>> SafeCheckpointHook(interval=1, max_keep_ckpts=3).by_epoch
        True
        >>> SafeCheckpointHook(interval=1, max_keep_ckpt=3)
        Traceback (most recent call last):
        mmfusenas.core.errors.InputTypeError: SafeCheckpointHook has no option max_keep_ckpt; ...
    """

    def __init__(self, **options: Any) -> None:
        known = [name for name in list(signature(CheckpointHook).parameters)[:-1] if name not in _REMOTE]
        for name in options:
            if name not in known:
                raise InputTypeError(f'SafeCheckpointHook has no option {name}{nearest(name, known)}. It takes: '
                                     f'{", ".join(known)}.')
        super().__init__(**options)
        use_safe_loading()  # no later: a script may load weights into the Runner before it runs
        if '://' in str(self.out_dir):
            raise InputError('SafeCheckpointHook moves files into place, which needs a local out_dir, '
                             f'got {self.out_dir}.')
        self._resumed: dict[str, Any] | None = None
        self._pending: dict[str, Any] | None = None
        self._states: list[dict[str, Any]] | None = None
        self._saved_iter: int | None = None

    def before_run(self, runner: Runner) -> None:
        """Find the checkpoint of a resume, which MMEngine would look for from the working directory."""
        if runner._resume and runner._load_from is None:
            latest = latest_checkpoint(runner.work_dir)
            runner._load_from = latest and str(latest)

    def before_train(self, runner: Runner) -> None:
        """Clear away what a crash left, and put the position and the random state of a resumed run in place."""
        super().before_train(runner)
        if is_main_process():
            for folder in {self.out_dir, runner.work_dir}:
                for path in remove_partial_files(folder):
                    runner.logger.info(f'Removed {path}, left half written by a run that was killed.')
        if runner.iter > 0:
            self._continue(runner)

    def before_train_epoch(self, runner: Runner) -> None:
        """Put the random state back where an epoch is continued: hooks before this one have begun it a second time."""
        if self._pending is not None and getattr(runner.train_loop, 'batches_done', 0) > 0:
            set_random_state(self._pending)
        self._pending = None

    def before_stop(self, runner: Runner) -> None:
        """Save between two iterations, where the training was asked to stop, unless that has just been done."""
        if self._saved_iter == runner.iter:
            runner.logger.info(f'Stopped after {runner.iter} iterations: --resume goes on from '
                               f'{Path(self.last_ckpt).name}.')
            return
        self._save_exactly(runner, STOPPED, dict(epoch=runner.epoch, iter=runner.iter), by_epoch=False)
        runner.logger.info(f'Saved {STOPPED} after {runner.iter} iterations: --resume goes on from it.')

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep what belongs to a resume, and make the log histories what mmengine expects.

        Raises:
            ValueError: The weights are of another model (fewer than half fit, or not all in a resume), or there is
                nothing beside them to resume from.
        """
        share = fitting_share(unwrap_model(runner), extract_weights(checkpoint, 'The checkpoint'))
        if share < (1 if runner._resume else LEAST_SHARE):
            raise InputError(
                f'The checkpoint fits {share:.0%} of {type(unwrap_model(runner)).__name__}, by name and shape of the '
                'weights: it is of another model, genotype or number of classes. ' + (
                    'Resume with the config of that training (it lies beside the checkpoint), or begin a new one in '
                    'another --work-dir.' if runner._resume else 'Set load_from to one of this model, or to None.'))
        meta = checkpoint.get('meta')
        if runner._resume and not (isinstance(meta, dict) and {'epoch', 'iter'} <= set(meta)
                                   and isinstance(checkpoint.get('message_hub'), dict)):
            raise InputError('The checkpoint holds weights alone, without the place in a training (meta.epoch, '
                             'meta.iter, message_hub): there is nothing to resume. Leave out --resume, and begin a '
                             'training from these weights: --cfg-options load_from=CHECKPOINT.')
        self._resumed = checkpoint.get('resume')
        if isinstance(checkpoint.get('message_hub'), dict):
            restore_histories(checkpoint['message_hub'])

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add what a resume needs and reduce everything to plain values."""
        if self._states is not None:
            checkpoint['resume'] = dict(
                world_size=get_world_size(), random_states=self._states, iter=checkpoint['meta']['iter'],
                train_loop=runner.train_loop.state_dict() if hasattr(runner.train_loop, 'state_dict') else None)
        checkpoint['meta'].update(configs(runner))
        checkpoint['meta'] = to_plain(checkpoint['meta'])
        checkpoint['message_hub'] = plain_message_hub(checkpoint['message_hub'])
        if 'param_schedulers' in checkpoint:
            checkpoint['param_schedulers'] = without_functions(checkpoint['param_schedulers'])

    def _continue(self, runner: Runner) -> None:
        state = self._resumed
        if state is None or state['iter'] != runner.iter:
            runner.logger.warning('The checkpoint holds no random state (it is a best checkpoint, or was not written '
                                  'by SafeCheckpointHook): the run continues, but not exactly as it would have.')
            return
        if state['world_size'] != get_world_size():
            raise StateError(
                f'The checkpoint was written by {state["world_size"]} processes, this run has {get_world_size()}. '
                'Batches and random numbers are divided among them, so continue with as many (bash '
                f'tools/dist_train.sh CONFIG {state["world_size"]} --resume), or begin a new training from the weights '
                'alone: leave out --resume and set --cfg-options load_from=CHECKPOINT.')
        if state['train_loop'] is not None and hasattr(runner.train_loop, 'load_state_dict'):
            runner.train_loop.load_state_dict(state['train_loop'])
        self._pending = state['random_states'][runner.rank]
        set_random_state(self._pending)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Write a checkpoint, then point to it, then remove the outdated ones."""
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        kept = self._kept_with(step)
        if self.max_keep_ckpts > 0:
            # With those about to go: after a crash in between, the resumed run removes them.
            runner.message_hub.update_info('keep_ckpt_ids', kept)
        self._save_exactly(runner, name, meta, self.by_epoch)
        stopped = Path(self.out_dir, STOPPED)
        if stopped.exists():
            self._remove(stopped)
        if self.max_keep_ckpts > 0:
            for outdated in kept[:-self.max_keep_ckpts]:
                self._remove(self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(outdated)))
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))

    def _save_exactly(self, runner: Runner, name: str, meta: dict, by_epoch: bool) -> None:
        """Write all that a resume needs, then point to it."""
        # All processes take part here; before_save_checkpoint is called in the first only.
        self._states = all_gather_object(get_random_state())
        self._write(runner, name, meta, save_optimizer=self.save_optimizer, by_epoch=by_epoch,
                    save_param_scheduler=self.save_param_scheduler)
        self._states, self._saved_iter = None, meta['iter']
        if is_main_process():
            path = Path(self.out_dir, name).absolute()
            folder = Path(runner.work_dir).absolute()
            inside = path.is_relative_to(folder)
            write_text(folder / 'last_checkpoint', str(path.relative_to(folder) if inside else path))

    def _kept_with(self, step: int) -> list[int]:
        kept = list(getattr(self, 'keep_ckpt_ids', ()))
        # A validation saves the same step once more.
        return kept if kept[-1:] == [step] else [*kept, step]

    def _write(self, runner: Runner, name: str, meta: dict, **options: Any) -> None:
        if not is_main_process():
            return
        with atomic_write(Path(self.out_dir, name)) as partial:
            runner.save_checkpoint(self.out_dir, name + PARTIAL_SUFFIX, meta=meta, **options)
            check_plain(partial)

    def _remove(self, path: str | Path) -> None:
        if is_main_process():
            Path(path).unlink(missing_ok=True)

    def _publish_model(self, runner: Runner, ckpt_path: str | None) -> None:
        if ckpt_path is not None:  # a metric that no validation has given
            super()._publish_model(runner, ckpt_path)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Save the weights where a metric is the best so far, then remove the file they outdo."""
        if not self.save_best:
            return
        if 'auto' in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
        updated = [self._update_best(runner, key, rule, metrics) for key, rule in zip(self.key_indicators, self.rules)]
        if any(updated) and self.last_ckpt is not None:
            # The best score and path have to be in the checkpoint that a resume begins with.
            step = runner.epoch if self.by_epoch else runner.iter
            self._save_checkpoint_with_step(runner, step, dict(epoch=runner.epoch, iter=runner.iter))

    def _update_best(self, runner: Runner, key: str, rule: str, metrics: dict) -> bool:
        score = metrics.get(key)
        if score is None:
            runner.logger.warning(f'This validation gave no {key} (usually because nothing was detected yet), so the '
                                  f'best checkpoint stays what it was. It gave: {", ".join(metrics)}.')
            return False
        single = len(self.key_indicators) == 1
        score_name, path_name = ('best_score', 'best_ckpt') if single else (f'best_score_{key}', f'best_ckpt_{key}')
        if not self.is_better_than[key](score, runner.message_hub.get_info(score_name, self.init_value_map[rule])):
            return False
        previous = self.best_ckpt_path if single else self.best_ckpt_path_dict[key]
        count = runner.epoch if self.by_epoch else runner.iter
        name = f'best_{key}_{self.filename_tmpl.format(count)}'.replace('/', '_')
        path = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info_dict({score_name: score, path_name: path})
        if single:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[key] = path
        self._write(runner, name, dict(epoch=runner.epoch, iter=runner.iter), save_optimizer=False,
                    save_param_scheduler=False, by_epoch=False)
        if previous and Path(previous).name != name:
            # A resumed checkpoint says what was the best: nothing outside this folder is removed on its word.
            self._remove(Path(self.out_dir, Path(previous).name))
        runner.logger.info(f'The best checkpoint with {score:0.4f} {key} is saved to {name}.')
        return True
