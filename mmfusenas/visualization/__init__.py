"""Images to look at: panels side by side, detections and masks drawn in, and what a search found."""
from mmfusenas.utils.optional import available
from mmfusenas.visualization.masks import draw_mask
from mmfusenas.visualization.panels import enlarge, side_by_side

__all__ = ['draw_mask', 'enlarge', 'side_by_side']

if available('mmdet'):
    from mmfusenas.visualization.detections import draw_detections

    __all__ += ['draw_detections']
