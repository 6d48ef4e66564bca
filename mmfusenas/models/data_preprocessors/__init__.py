"""From packed samples to batches."""
from .pair_data_preprocessor import PairDataPreprocessor

__all__ = ['PairDataPreprocessor']
