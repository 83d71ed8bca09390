"""Rendering: rasterisers, looks of bodies, and synthetic training pairs."""
from .rasterizer import ZBufferRasterizer, build_rasterizer
from .soft_silhouette import soft_silhouette
from .synthesis import Sample, SceneSettings, Subject, Synthesizer
from .zbuffer import rasterize

__all__ = [
    'Sample', 'SceneSettings', 'Subject', 'Synthesizer', 'ZBufferRasterizer',
    'build_rasterizer', 'rasterize', 'soft_silhouette'
]
