"""Using trained models."""
from .detector import MMDetector
from .export import ExportableDetector, check_onnx, export_onnx
from .pose_3d_inferencer import Pose3DInferencer
from .results import (
    DepthProfiles,
    PersonPose,
    PicturePoses,
    read_results,
    results_dict,
)
from .zoo import find_model

__all__ = [
    'DepthProfiles', 'ExportableDetector', 'MMDetector', 'PersonPose',
    'PicturePoses', 'Pose3DInferencer', 'check_onnx', 'export_onnx',
    'find_model', 'read_results', 'results_dict',
]
