# Segmentation of fused medical pairs with masks of black and white: folders oth (coloured or CT), mri and seg.
_base_ = './resnet18_ivif.py'
medical = dict(
    _delete_=True, type='PairSegDataset', data_root='{{$MEDICAL_SEG_ROOT:data/medical_seg}}',
    data_prefix=dict(img='oth', infrared='mri', seg='seg'), label_map={255: 1},
    metainfo=dict(classes=('background', 'lesion'), palette=[(0, 0, 0), (255, 60, 60)]))
load = [dict(type='LoadPairFromFile'), dict(type='LoadSegMap')]
model = dict(task=dict(decode_head=dict(num_classes=2)))
train_dataloader = dict(batch_size=2, dataset=dict(medical, every_nth=(0, 2), pipeline=[*load, *_base_.train_pipeline]))
val_dataloader = dict(
    batch_size=1, dataset=dict(medical, every_nth=(1, 2), test_mode=True, pipeline=[*load, *_base_.test_pipeline]))
test_dataloader = val_dataloader
