"""The built-in data sets of drawn street scenes; :mod:`mmfusenas.scenes.drawing` draws them."""
from .synthetic_guided_scenes import SyntheticGuidedScenes
from .synthetic_haze_scenes import SyntheticHazeScenes
from .synthetic_lowlight_scenes import SyntheticLowLightScenes
from .synthetic_lowlight_seg_scenes import SyntheticLowLightSegScenes
from .synthetic_scenes import SyntheticScenes
from .synthetic_seg_scenes import SyntheticSegScenes

__all__ = [
    'SyntheticGuidedScenes', 'SyntheticHazeScenes', 'SyntheticLowLightScenes', 'SyntheticLowLightSegScenes',
    'SyntheticScenes', 'SyntheticSegScenes',
]
