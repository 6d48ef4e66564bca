# DARK FACE, streets at night with boxes of faces; 1080 x 720. Make splits/train.txt and splits/test.txt with
#     python tools/dataset_converters/make_split.py $DARKFACE_ROOT/image --gap 0 --ratios train=5000 test=1000 --out $DARKFACE_ROOT/splits
_base_ = './boxes.py'
darkface = dict(type='DarkFaceDataset', data_root='{{$DARKFACE_ROOT:data/darkface}}')
train_dataloader = dict(_base_.loader, dataset=dict(
    darkface, split='splits/train.txt', filter_cfg=_base_.filter_cfg, pipeline=_base_.train_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    darkface, split='splits/test.txt', test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
