"""Using trained models."""
from .detector import MMDetector
from .export import (
    OPSET,
    TOLERANCES,
    ExportableDetector,
    check_onnx,
    export_onnx,
    is_same,
    largest_deviations,
    needed_package,
    onnx_session,
    torch_outputs,
)
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
    'OPSET', 'TOLERANCES', 'DepthProfiles', 'ExportableDetector',
    'MMDetector', 'PersonPose', 'PicturePoses', 'Pose3DInferencer',
    'check_onnx', 'export_onnx', 'find_model', 'is_same',
    'largest_deviations', 'needed_package', 'onnx_session', 'read_results',
    'results_dict', 'torch_outputs',
]
