"""The built-in world: paired visible and infrared street scenes, drawn from a seed and an index alone."""

from .darken import darken
from .difficulty import CLASSES, CONDITIONS, DIFFICULTIES, Difficulty
from .frame import SEMANTICS
from .render import Scene, draw_scene, scene_condition

__all__ = [
    'CLASSES', 'CONDITIONS', 'DIFFICULTIES', 'Difficulty', 'SEMANTICS', 'Scene', 'darken', 'draw_scene',
    'scene_condition',
]
