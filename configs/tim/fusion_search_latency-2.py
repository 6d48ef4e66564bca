# The search of the fusion network with lambda = 2 per second of expected latency (paper, table 8). Measure first, on the
# machine that the network is for: build_latency_table.py configs/tim/fusion_search.py --out latency.json
_base_ = './fusion_search.py'
search_hook, export_hook = _base_.custom_hooks[-2:]
search_hook.update(cost=dict(table='{{$LATENCY_TABLE:latency.json}}', weight=2e-3))  # the table is in ms
custom_hooks = [*_base_.custom_hooks[:-2], search_hook, export_hook]
