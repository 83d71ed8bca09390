"""Rendering: rasterisers, painted people, and synthetic training pairs."""
from .rasterizer import ZBufferRasterizer
from .synthesis import Sample, SceneSettings, Subject, Synthesizer
from .zbuffer import rasterize

__all__ = [
    'Sample', 'SceneSettings', 'Subject', 'Synthesizer', 'ZBufferRasterizer',
    'rasterize'
]
