# RUAS on DARK FACE, faces in streets at night (section 7.1, `DARKFACE_ROOT`), with S3FD's training: distorted colours,
# squares in which a face has about the size of an anchor, more anchors for faces that match few. Tests at 1.5 megapixels.
_base_ = [
    '../_base_/datasets/darkface_det.py', '../_base_/models/ruas_ssd.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
load, pack = _base_.load, _base_.pack
distort = dict(type='mmdet.PhotoMetricDistortion')
crop = dict(type='AnchorSamplingCrop', size=640)
clip = dict(type='ClipBoxes', min_visibility=0.5)
train_dataloader = dict(dataset=dict(pipeline=[
    *load, distort, dict(type='JointTransform', transforms=[crop, clip, _base_.flip]), pack]))
test_resize = dict(type='mmdet.Resize', scale=(1500, 1000), keep_ratio=True)
val_dataloader = test_dataloader = dict(
    dataset=dict(pipeline=[*load, dict(type='JointTransform', transforms=[test_resize]), pack]))
model = dict(task=dict(
    bbox_head=dict(num_classes=1), train_cfg=dict(assigner=dict(type='mmfusenas.ScaleCompensationAssigner'))))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
train_cfg = dict(max_epochs=60, val_interval=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.03, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, convert_to_iter_based=True)]
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=10))
search = dict(  # for ssd_search.py
    weights=dict(every_nth=(0, 2)), choices=dict(every_nth=(1, 2)), shape=(640, 640), retrain={})
