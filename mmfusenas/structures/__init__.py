"""Data samples."""
from .fusion_data_sample import FusionDataSample, predicted_image

__all__ = ['FusionDataSample', 'predicted_image']
