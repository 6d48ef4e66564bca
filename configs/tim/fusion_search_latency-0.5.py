# The search of the fusion network with lambda = 0.5 (paper, table 8) of the expected latency, relative to that of uniform
# choices. Measure first, on the machine that the network is for:
# build_latency_table.py configs/tim/fusion_search.py --out latency.json
_base_ = './fusion_search.py'
search_hook, export_hook = _base_.custom_hooks[-2:]
search_hook.update(cost=dict(table='{{$LATENCY_TABLE:latency.json}}', weight=0.5))
custom_hooks = [*_base_.custom_hooks[:-2], search_hook, export_hook]
