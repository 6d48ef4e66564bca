"""From packed samples to batches."""
from .guided_data_preprocessor import GuidedDataPreprocessor
from .pair_data_preprocessor import PairDataPreprocessor

__all__ = ['GuidedDataPreprocessor', 'PairDataPreprocessor']
