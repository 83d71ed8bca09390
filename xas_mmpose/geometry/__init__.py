"""Coordinate frames, rotations, alignment and triangulation.

Import the modules: :mod:`~xas_mmpose.geometry.cameras` says what the frames
are.
"""
