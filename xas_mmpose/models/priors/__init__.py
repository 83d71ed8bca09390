"""What bodies look like: what judges, mends or completes a pose."""
from .bone_length_prior import BoneLengthPrior
from .gcn_discriminator import REFERENCE_DISCRIMINATORS, GCNPoseDiscriminator
from .physique_network import PhysiqueNetwork

__all__ = [
    'REFERENCE_DISCRIMINATORS', 'BoneLengthPrior', 'GCNPoseDiscriminator',
    'PhysiqueNetwork'
]
