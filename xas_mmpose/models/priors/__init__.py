"""What bodies look like: networks that judge or complete a pose."""
from .gcn_discriminator import REFERENCE_DISCRIMINATORS, GCNPoseDiscriminator
from .physique_network import PhysiqueNetwork

__all__ = [
    'REFERENCE_DISCRIMINATORS', 'GCNPoseDiscriminator', 'PhysiqueNetwork'
]
