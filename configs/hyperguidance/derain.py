# Rain; the proxies learn the guidance in alternation with the network. DATA in the environment: synthetic, the built-in
# road scenes (default), or rain100, Rain100 (`RAIN100_ROOT`).
_base_ = ['../_base_/schedules/guidance_bilevel.py', '../_base_/datasets/{{$DATA:synthetic}}_rain.py']
model = dict(stage=dict(physics=dict(type='AdditiveLayer')))
train_dataloader = dict(batch_size=4)
