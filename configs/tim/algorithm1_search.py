# Algorithm 1, lines 1-5: the fusion network by IAS over the four real tasks, cells then operators, at a third of the
# width; lambda = 2 (table 8) of the latency, by a table that was measured at that width. Another: LATENCY_TABLE=FILE.
_base_ = './fusion_search_real_demo.py'
search_hook = _base_.custom_hooks[-2]
search_hook.update(cost=dict(
    table='{{$LATENCY_TABLE:benchmarks/records/latency/latency_448x620.json}}', weight=2.0))
# What is found is meta-initialised next, at full width.
export_hook = dict(
    type='GenotypeExportHook', shape=(448, 620), retrain_as='{{fileDirname}}/algorithm1_init.py', retrain={
        'model.channels': 48, 'log_processor.by_epoch': False, 'default_hooks.checkpoint.by_epoch': False,
        'default_hooks.checkpoint.interval': 50})
custom_hooks = [*_base_.custom_hooks[:-2], search_hook, export_hook]
