# Algorithm 1, lines 1-5: the fusion network by IAS over the four real tasks, cells then operators, at a third of the
# width; lambda = 2 (table 8) of the latency, by a table that was measured at that width. Another: LATENCY_TABLE=FILE.
_base_ = './fusion_search_demo.py'
default_hooks = dict(
    search=dict(cost=dict(
        table='{{$LATENCY_TABLE:benchmarks/records/latency/latency_448x620.json}}', weight=2.0)),
    # What is found is meta-initialised next, at full width.
    export=dict(_delete_=True, type='GenotypeExportHook', shape=(448, 620),
                retrain_as='{{fileDirname}}/algorithm1_init.py', retrain={'model.channels': 48}))
