"""What bodies look like: networks that judge or complete a pose."""
from .physique_network import PhysiqueNetwork

__all__ = ['PhysiqueNetwork']
