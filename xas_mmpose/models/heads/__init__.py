"""Heads."""
from .multi_hypothesis_head import MultiHypothesisHead

__all__ = ['MultiHypothesisHead']
