# N_F alone, TIM without latency constraint (0.995 M parameters). The published network was called with infrared first.
_base_ = './fusion_light.py'
model = dict(genotype='tim-full', order=('infrared', 'visible'))
