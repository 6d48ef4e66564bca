# Depth on RGB-D-D (`RGBDD_ROOT`) with a network of 0.44 M parameters, chosen by hand for a quick step on a CPU: kernels of
# 3, few blocks where the image is large.
# SCALE: 4, 8 (default) or 16. PATCH: side of a training patch (default 64).
_base_ = ['../_base_/models/dcnas.py', '../_base_/datasets/rgbdd_guided.py', '../_base_/schedules/adam_2k.py']
work_dir = f'work_dirs/depth_rgbdd_x{_base_.scale}'
# Blocks and their ratio on each level, from full size to an eighth.
guidance, target = ((1, 3), (1, 3), (2, 3), (2, 3)), ((1, 2), (1, 3), (2, 4), (3, 4))
decoder = ((2, 4), (2, 4), (3, 4), (4, 4))
blocks = {f'{part}.{level}.blocks.{i}': f'k3_r{ratio}' if i < number else 'absent'
          for part, levels in (('guidance', guidance), ('target', target), ('decoder', decoder))
          for level, (number, ratio) in enumerate(levels) for i in range(4)}
fusions = {f'fusions.{level}': 'concat' for level in range(4)}
model = dict(
    scales=(_base_.scale, ), unit=0.001, error='rmse',
    net=dict(channels=8, genotype=dict(choices={**blocks, **fusions})))
