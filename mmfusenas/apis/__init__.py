"""What a user calls from Python."""
from mmfusenas.apis.fusion_inferencer import FusionInferencer
from mmfusenas.apis.loading import load_model
from mmfusenas.apis.pairs import input_pairs
from mmfusenas.utils.weights import weights_records, weights_table

__all__ = ['FusionInferencer', 'input_pairs', 'load_model', 'weights_records', 'weights_table']
