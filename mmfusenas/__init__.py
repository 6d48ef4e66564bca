"""mmfusenas: architecture search for multi-sensor vision on MMEngine."""
from mmfusenas.version import __version__

__all__ = ['__version__']
