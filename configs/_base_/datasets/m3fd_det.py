# M3FD with boxes (Pascal VOC): People, Car, Bus, Motorcycle, Lamp, Truck; 1024 x 768.
# The set has no official split, and neighbours are frames of one video. Make splits/train.txt and splits/test.txt with
#     python tools/dataset_converters/make_split.py $M3FD_ROOT/Vis --block 100 --guard 10 --out $M3FD_ROOT/splits
_base_ = './boxes.py'
m3fd = dict(type='M3FDDataset', data_root='{{$M3FD_ROOT:data/m3fd}}',
            data_prefix=dict(img='Vis', infrared='Ir', ann='Annotation'))
train_dataloader = dict(_base_.loader, dataset=dict(
    m3fd, split='splits/train.txt', filter_cfg=_base_.filter_cfg, pipeline=_base_.train_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    m3fd, split='splits/test.txt', test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
