"""Pipeline steps; MMPose's own serve for what is not here."""
from .cube_crop import CubeAffine, GetCubeBox, RandomCubeTransform
from .flip import RandomFlipPose3D
from .formatting import PackXasInputs
from .geodesic_weight import GeodesicWeight
from .labels import NormaliseKeypoints3D
from .mask import LoadMask, RemoveBackground
from .random_color import RandomColorChange

__all__ = [
    'CubeAffine', 'GeodesicWeight', 'GetCubeBox', 'LoadMask',
    'NormaliseKeypoints3D', 'PackXasInputs', 'RandomColorChange',
    'RandomCubeTransform', 'RandomFlipPose3D', 'RemoveBackground'
]
