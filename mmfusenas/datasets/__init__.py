"""Data sets of single images and pairs, and their pipeline."""
from mmfusenas.registry import DATASETS
from mmfusenas.utils.optional import available, register_missing

from .acdc import ACDCDataset
from .alternating_dataset import AlternatingDataset
from .bsds import BSDSDataset
from .darkface import DarkFaceDataset
from .exdark import ExDarkDataset
from .fivek import FiveKDataset
from .harvard import HarvardDataset
from .levin import LevinDataset
from .llvip import LLVIPDataset
from .lol import LOLDataset
from .m3fd import M3FDDataset
from .mfnet import MFNetDataset
from .msrs import MSRSDataset
from .msrs_seg import MSRSSegDataset
from .multispectral import MultiSpectralDataset
from .pair_dataset import PairDataset
from .pair_seg_dataset import PairSegDataset
from .rain100 import Rain100Dataset
from .reside import RESIDEDataset
from .samplers import ResumableBatchSampler, ResumableSampler
from .seeded_dataset import SeededDataset
from .transforms import *  # noqa: F401,F403
from .uieb import UIEBDataset
from .voc_pair_dataset import VOCPairDataset
from .yolo_pair_dataset import YOLOPairDataset

__all__ = [
    'ACDCDataset', 'AlternatingDataset', 'BSDSDataset', 'DarkFaceDataset', 'ExDarkDataset', 'FiveKDataset',
    'HarvardDataset', 'LLVIPDataset', 'LOLDataset', 'LevinDataset', 'M3FDDataset', 'MFNetDataset', 'MSRSDataset',
    'MSRSSegDataset', 'MultiSpectralDataset', 'PairDataset', 'PairSegDataset', 'RESIDEDataset', 'Rain100Dataset',
    'ResumableBatchSampler', 'ResumableSampler', 'SeededDataset', 'UIEBDataset', 'VOCPairDataset', 'YOLOPairDataset',
]

if available('mmdet'):
    from .coco_pair_dataset import CocoPairDataset

    __all__ += ['CocoPairDataset']
else:
    register_missing(DATASETS, 'mmdet', 'CocoPairDataset')
