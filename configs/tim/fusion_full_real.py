# N_F without latency constraint, alone, on real pairs: the row "direct fusion" beside `enhance_ivif_real.py` (table 10).
_base_ = './fusion_light_real.py'
model = dict(genotype='tim-full', order=('infrared', 'visible'))
train_cfg = dict(max_epochs=30, val_interval=10)
