# MIT-Adobe FiveK, what expert C made of the images as references. Make splits/train.txt and splits/test.txt with
#     python tools/dataset_converters/make_split.py $FIVEK_ROOT/input --gap 0 --ratios train=4500 test=500 --out $FIVEK_ROOT/splits
_base_ = './lowlight_patches.py'
fivek = dict(type='FiveKDataset', data_root='{{$FIVEK_ROOT:data/fivek}}')
train_dataloader = dict(
    _base_.loader, dataset=dict(fivek, split='splits/train.txt', pipeline=_base_.train_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    fivek, split='splits/test.txt', test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
