# TIM's fusion network in front of a ResNet18 with the decoder of two feature-distillation cells (paper, section 4.3.2).
model = dict(
    type='TaskGuidedSegmentor',
    eta=0.1,
    norm_eval=True,
    scene=dict(
        type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss'),
        init_cfg=dict(type='Pretrained', checkpoint='mmfusenas://tim-light')),
    task=dict(
        _scope_='mmseg',
        type='EncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True, size_divisor=32,
            pad_val=0, seg_pad_val=255, test_cfg=dict(size_divisor=32)),
        # From scratch; where there is a net, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18').
        # Another backbone is one line in a leaf config; the decoder asks it for its channels.
        backbone=dict(type='ResNet', depth=18, norm_cfg=dict(type='BN')),
        decode_head=dict(
            type='mmfusenas.FeatureDistillationHead',
            in_index=[1, 2, 3],
            num_classes=11,
            norm_cfg=dict(type='BN'),
            loss_decode=dict(type='CrossEntropyLoss'),
            # By hand: residual 3 x 3 along the chain, a 1 x 1 across. `resnet18_ivif_search.py` searches it.
            genotype=dict(choices={
                f'cells.{cell}.edges.{edge}': operator
                for cell in (0, 1) for edge, operator in (('0_1', 'res_3'), ('0_2', 'conv_1'), ('1_2', 'res_3'))})),
        train_cfg=dict(),
        test_cfg=dict(mode='whole')))
# What a stage leaves out is not in the graph, which several processes have to know.
find_unused_parameters = True
