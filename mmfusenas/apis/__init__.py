"""Python interface: inferencers, loading, export."""
from mmfusenas.apis.enhance_inferencer import EnhanceInferencer
from mmfusenas.apis.exported_model import ExportedModel
from mmfusenas.apis.fusion_inferencer import FusionInferencer
from mmfusenas.apis.guided_sr_inferencer import GuidedSRInferencer
from mmfusenas.apis.loading import load_model, trained_model
from mmfusenas.apis.pairs import input_images, input_pairs
from mmfusenas.apis.result import Result
from mmfusenas.apis.stream import live_moments
from mmfusenas.apis.video import run_video
from mmfusenas.utils.safe_loading import use_safe_loading
from mmfusenas.utils.weights import weights_records, weights_table

__all__ = [
    'EnhanceInferencer', 'ExportedModel', 'FusionInferencer', 'GuidedSRInferencer', 'Result', 'input_pairs',
    'input_images', 'live_moments', 'load_model', 'run_video', 'trained_model', 'use_safe_loading', 'weights_records',
    'weights_table',
]
