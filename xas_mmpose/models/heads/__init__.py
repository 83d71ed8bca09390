"""Heads."""
from .multi_hypothesis_head import MultiHypothesisHead
from .pose_ranker import PoseRanker

__all__ = ['MultiHypothesisHead', 'PoseRanker']
