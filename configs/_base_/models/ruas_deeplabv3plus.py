# RUAS for segmentation: the scene module in front of a DeepLabV3+ whose feature conversion was searched (paper, sections
# 4.1, 5.2 and 7.2). The paper prints no genotype of it: these branches are those of a stock head.
model = dict(
    type='TaskGuidedSegmentor',
    eta=0.0,
    scene=dict(
        type='RUASScene', genotype='ruas-scene-det', warm_start='feature', loss=dict(type='RTVSceneLoss')),
    task=dict(
        _scope_='mmseg',
        type='EncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
            size_divisor=32, pad_val=0, seg_pad_val=255, test_cfg=dict(size_divisor=32)),
        # From scratch; where there is a net, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18').
        backbone=dict(type='ResNet', depth=18, strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2), norm_cfg=dict(type='BN')),
        decode_head=dict(
            type='mmfusenas.SearchedASPPHead', in_index=3, channels=128, c1_in_channels=64, c1_channels=24,
            num_classes=11, norm_cfg=dict(type='BN'), align_corners=False,
            genotype=dict(choices={f'aspp_modules.{i}.conv': operator
                                   for i, operator in enumerate(('c_1', 'c_3d6', 'c_3d12', 'c_3d18'))})),
        train_cfg=dict(),
        test_cfg=dict(mode='whole')))
# What a stage leaves out is not in the graph, which several processes have to know.
find_unused_parameters = True
