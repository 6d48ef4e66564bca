# TIM's fusion network in front of a light RetinaNet (paper, section 4.3.1). The anchors start at 8 pixels: at the small
# image sizes that a CPU trains, mmdet's stock anchors (32 pixels up) are larger than most objects.
model = dict(
    type='TaskGuidedDetector',
    eta=0.1,
    norm_eval=True,
    # The fusion network starts from the bundled weights, trained with l_F on real pairs; init_cfg=None: from scratch.
    scene=dict(
        type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss'),
        init_cfg=dict(type='Pretrained', checkpoint='mmfusenas://tim-light')),
    task=dict(
        _scope_='mmdet',
        type='RetinaNet',
        data_preprocessor=dict(
            type='DetDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True, pad_size_divisor=32),
        # Another backbone is one line in a leaf config; the neck asks it for its channels.
        backbone=dict(type='mmfusenas.EfficientNetLite', pretrained=True, frozen_stages=2),
        neck=dict(
            type='FPN', out_channels=64, add_extra_convs='on_input', num_outs=4, norm_cfg=dict(type='GN', num_groups=8)),
        bbox_head=dict(
            type='RetinaHead',
            num_classes=5,
            in_channels=64,
            feat_channels=64,
            stacked_convs=2,
            norm_cfg=dict(type='GN', num_groups=8),
            anchor_generator=dict(
                type='AnchorGenerator', octave_base_scale=1.5, scales_per_octave=2, ratios=[0.35, 1.0, 2.5],
                strides=[8, 16, 32, 64]),
            bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[0.0] * 4, target_stds=[1.0] * 4),
            loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
            loss_bbox=dict(type='L1Loss', loss_weight=1.0)),
        train_cfg=dict(
            assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.4, min_pos_iou=0, ignore_iof_thr=-1),
            sampler=dict(type='PseudoSampler'),
            allowed_border=-1,
            pos_weight=-1,
            debug=False),
        test_cfg=dict(
            nms_pre=1000, min_bbox_size=0, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5), max_per_img=100)))
# What a stage leaves out is not in the graph, which several processes have to know.
find_unused_parameters = True
