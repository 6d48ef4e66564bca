# The network of depth_rgbdd.py without its guide, to compare with: as large by more blocks for the target.
_base_ = './depth_rgbdd.py'
work_dir = f'work_dirs/depth_rgbdd_alone_x{_base_.scale}'
alone = {f'target.{level}.blocks.{i}': f'k3_r{ratio}' if i < number else 'absent'
         for level, (number, ratio) in enumerate(((2, 3), (2, 4), (4, 4), (4, 5))) for i in range(4)}
choices = {name: alone.get(name, choice) for name, choice in _base_.blocks.items() if not name.startswith('guidance')}
fusions = dict.fromkeys(_base_.fusions, 'target')
model = dict(net=dict(genotype=dict(_delete_=True, choices={**choices, **fusions})))
