"""Pipeline steps for single images and pairs."""
from mmfusenas.registry import TRANSFORMS
from mmfusenas.utils.optional import available, register_missing

from .align_pair import AlignPair
from .anchor_sampling_crop import AnchorSamplingCrop
from .blur_and_noise import BlurAndNoise
from .clip_boxes import ClipBoxes
from .darken import Darken
from .degrade_target import DegradeTarget
from .frozen_sensor import FrozenSensor
from .joint_transform import JointTransform
from .load_guided import LoadGuidedFromFile
from .load_kernel import LoadKernel
from .load_pair import LoadPairFromFile
from .load_seg_map import LoadSegMap
from .pack_pair import PackPairInputs
from .rain_streaks import RainStreaks
from .random_deformation import RandomDeformation
from .random_patch import RandomPatch
from .random_quarter_turn import RandomQuarterTurn
from .replace_failed_sensor import ReplaceFailedSensor
from .sensor_failure import SensorFailure

__all__ = [
    'AlignPair', 'AnchorSamplingCrop', 'BlurAndNoise', 'ClipBoxes', 'Darken', 'DegradeTarget', 'FrozenSensor',
    'JointTransform', 'LoadGuidedFromFile', 'LoadKernel', 'LoadPairFromFile', 'LoadSegMap', 'PackPairInputs',
    'RainStreaks', 'RandomDeformation', 'RandomPatch', 'RandomQuarterTurn', 'ReplaceFailedSensor', 'SensorFailure',
]

if available('mmdet'):
    from .pack_pair_det import PackPairDetInputs

    __all__ += ['PackPairDetInputs']
else:
    register_missing(TRANSFORMS, 'mmdet', 'PackPairDetInputs')

if available('mmseg'):
    from .pack_pair_seg import PackPairSegInputs

    __all__ += ['PackPairSegInputs']
else:
    register_missing(TRANSFORMS, 'mmseg', 'PackPairSegInputs')
