# Real pairs put out of register at 256 x 320, RoadScene and MSRS together, to learn how to put them back.
_base_ = './ivif_real_fusion.py'
resize = dict(type='Resize', scale=(320, 256))
# Patches keep the displacements of the whole image, in pixels: 128 of 256 pixels, so twice the parts of a side.
patch = dict(type='RandomPatch', size=(128, 128))
flip = dict(type='RandomFlip', prob=0.5)
deform = dict(type='RandomDeformation', rotate=4, translate=0.05, scale=0.05, elastic=0.04, smoothness=0.2)
train_pipeline = [*_base_.load, dict(type='JointTransform', transforms=[resize, patch, flip]), deform, _base_.pack]
# The same deformation of a pair at every validation.
test_pipeline = [
    *_base_.load, dict(type='JointTransform', transforms=[resize]), dict(type='RandomDeformation', seed=0), _base_.pack]
pairs = dict(roadscene=dict(_base_.roadscene, pipeline=train_pipeline), msrs=dict(_base_.msrs, pipeline=train_pipeline))
train_dataloader = dict(batch_size=4, dataset=dict(datasets=list(pairs.values())))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [dict(type='EndpointError'), dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf', 'SSIM'])]
test_evaluator = [dict(type='EndpointError'), dict(type='FusionMetric')]
