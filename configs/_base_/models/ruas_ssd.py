# RUAS for detection: the scene module in front of an SSD on VGG16, of which the neck and the head were searched (paper,
# sections 4.1, 5.2 and 7.1). The levels have strides 4 to 128; the paper's images are 640 x 640.
model = dict(
    type='TaskGuidedDetector',
    # The task's loss alone, as in the best row of table 6; "end-to-end" on both losses has eta = lambda here.
    eta=0.0,
    scene=dict(
        type='RUASScene', genotype='ruas-scene-det', warm_start='feature', loss=dict(type='RTVSceneLoss')),
    task=dict(
        _scope_='mmdet',
        type='SingleStageDetector',
        data_preprocessor=dict(
            type='DetDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
            pad_size_divisor=1),
        # From scratch; where there is a net, init_cfg=dict(type='Pretrained', checkpoint='torchvision://vgg16').
        # A ResNet (table 7), all four stages, stands here as well; the neck asks it for its channels, the head is told:
        # task=dict(backbone=dict(_delete_=True, type='ResNet', depth=50, norm_eval=False),  # from scratch
        #           bbox_head=dict(in_channels=(256, 512, 1024, 2048, 512, 256)))
        backbone=dict(type='mmfusenas.S3FDVGG'),
        neck=dict(type='mmfusenas.SearchedSSDNeck', genotype='ruas-ssd#neck'),
        bbox_head=dict(
            type='mmfusenas.SearchedSSDHead',
            genotype='ruas-ssd#bbox_head',
            in_channels=(256, 512, 512, 1024, 512, 256),
            num_classes=5,
            # One square a place. mmdet's SSDAnchorGenerator cannot: it always adds a second size. The centres are said,
            # because AnchorGenerator puts them in proportion to the size of the anchor, not of the stride.
            anchor_generator=dict(
                type='AnchorGenerator', strides=[4, 8, 16, 32, 64, 128], base_sizes=[8, 16, 32, 64, 128, 256],
                scales=[1], ratios=[1.0], centers=[(2, 2), (4, 4), (8, 8), (16, 16), (32, 32), (64, 64)]),
            bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[0.0] * 4, target_stds=[0.1, 0.1, 0.2, 0.2])),
        train_cfg=dict(
            assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.3, neg_iou_thr=0.3, min_pos_iou=0.0, ignore_iof_thr=-1,
                          gt_max_assign_all=False),
            sampler=dict(type='PseudoSampler'),
            smoothl1_beta=1.0,
            allowed_border=-1,
            pos_weight=-1,
            neg_pos_ratio=3,
            debug=False),
        test_cfg=dict(
            nms_pre=1000, nms=dict(type='nms', iou_threshold=0.3), min_bbox_size=0, score_thr=0.02, max_per_img=200)))
# What a stage leaves out is not in the graph, which several processes have to know.
find_unused_parameters = True
