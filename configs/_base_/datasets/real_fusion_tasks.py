# The four fusion tasks of the paper that take turns by epoch, patches of 64 x 64: infrared and visible (RoadScene),
# MRI and CT, PET and SPECT (Harvard).
roadscene_root = '{{$ROADSCENE_ROOT:data/roadscene}}'
harvard_root = '{{$HARVARD_ROOT:data/harvard}}'
pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='JointTransform', transforms=[
        dict(type='RandomPatch', size=(64, 64)),
        dict(type='RandomFlip', prob=[0.25, 0.25, 0.25], direction=['horizontal', 'vertical', 'diagonal']),
    ]),
    dict(type='PackPairInputs'),
]
# One half for the weights, the other (`halves[1]`) for the choices of a search.
halves = [
    [dict(type='PairDataset', data_root=roadscene_root, data_prefix=dict(img='train/vi', img2='train/ir'),
          filter_cfg=dict(min_size=64), fold=(k, 2), pipeline=pipeline),
     *(dict(type='HarvardDataset', data_root=harvard_root, modality=modality, fold=(k, 2), pipeline=pipeline)
       for modality in ('ct', 'pet', 'spect'))]
    for k in (0, 1)
]
loader = dict(
    batch_size=4, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
train_dataloader = dict(loader, dataset=dict(type='AlternatingDataset', datasets=halves[0]))
search_dataloader = [dict(loader, dataset=task) for task in halves[1]]
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PairDataset', data_root=roadscene_root, data_prefix=dict(img='test/vi', img2='test/ir'), test_mode=True,
        pipeline=[dict(type='LoadPairFromFile'), dict(type='PackPairInputs')]))
test_dataloader = val_dataloader

val_evaluator = dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf', 'SSIM'])
test_evaluator = dict(type='FusionMetric')
