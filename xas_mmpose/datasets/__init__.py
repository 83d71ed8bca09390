"""Data sets, pipelines and samplers; importing it registers them."""
from . import datasets, samplers, transforms

__all__ = ['datasets', 'samplers', 'transforms']
