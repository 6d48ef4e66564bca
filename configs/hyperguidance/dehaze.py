# Haze; the proxies learn the guidance in alternation with the network. DATA in the environment: synthetic, the built-in
# road scenes (default), or reside, RESIDE (`RESIDE_ROOT`).
_base_ = ['../_base_/schedules/guidance_bilevel.py', '../_base_/datasets/{{$DATA:synthetic}}_haze.py']
model = dict(stage=dict(physics=dict(type='Scattering'), proxy=dict(init_value=1.0)))
train_dataloader = dict(batch_size=4)
