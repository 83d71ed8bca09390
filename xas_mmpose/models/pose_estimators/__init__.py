"""Pose estimators."""
from .fitted_topdown import FittedTopdownPoseEstimator

__all__ = ['FittedTopdownPoseEstimator']
