# MultiSpectral (Takumi et al., 2017) with boxes: color cone, car stop, car, person, bike; 320 x 256.
# Neighbouring numbers are frames of one video. Make splits/train.txt and splits/test.txt with
#     python tools/dataset_converters/make_split.py $MULTISPECTRAL_ROOT/ConvertedImages/rgb --block 100 --guard 10 --out $MULTISPECTRAL_ROOT/splits
_base_ = './boxes.py'
multispectral = dict(
    type='MultiSpectralDataset', data_root='{{$MULTISPECTRAL_ROOT:data/multispectral}}', infrared='fir')  # or 'mir', 'nir'
resize = dict(_base_.resize, scale=(320, 320))
train_pipeline = [*_base_.load, dict(type='JointTransform', transforms=[resize, _base_.flip]), _base_.pack]
test_pipeline = [*_base_.load, dict(type='JointTransform', transforms=[resize]), _base_.pack]
train_dataloader = dict(_base_.loader, dataset=dict(
    multispectral, split='splits/train.txt', filter_cfg=_base_.filter_cfg, pipeline=train_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    multispectral, split='splits/test.txt', test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
