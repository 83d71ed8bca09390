"""Packing of samples for the model."""
from __future__ import annotations

from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackXasInputs(PackPoseInputs):
    """Pack picture, mask, 3D key points, labels and camera.

    MMPose's ``PackPoseInputs`` drops mask, 3D key points and camera. What a
    sample lacks is left out: the same step packs training, test and
    inference samples.

    * ``inputs``: picture (3, H, W) uint8, BGR.
    * ``gt_fields``: ``masks`` (1, H, W) uint8, 0..255, of the patch;
      ``mask_weights`` (1, H, W).
    * ``gt_instance_labels``: ``keypoint_labels`` (1, K, 3),
      ``keypoint_weights`` (1, K).
    * ``gt_instances``: ``keypoints`` (1, K, 2) image px, ``keypoints_3d``
      (1, K, 3) camera frame mm, their ``..._visible``, ``bboxes``,
      ``bbox_scores``, ``bbox_scales``, ``head_size`` (1, 1) px.
    * metainfo: ``meta_keys``.

    Args:
        meta_keys: Keys that become metainfo.
        pack_transformed: See ``PackPoseInputs``.
    """

    instance_mapping_table = dict(
        bbox='bboxes',
        bbox_score='bbox_scores',
        bbox_scale='bbox_scales',
        head_size='head_size',
        keypoints='keypoints',
        keypoints_visible='keypoints_visible',
        keypoints_3d='keypoints_3d',
        keypoints_3d_visible='keypoints_3d_visible')

    label_mapping_table = dict(
        keypoint_labels='keypoint_labels',
        keypoint_weights='keypoint_weights')

    field_mapping_table = dict(masks='masks', mask_weights='mask_weights')

    def __init__(self,
                 meta_keys: tuple[str, ...] = (
                     'id', 'img_id', 'img_path', 'ori_shape', 'img_shape',
                     'input_size', 'input_center', 'input_scale',
                     'crop_affine', 'cube_size', 'camera_param', 'domain',
                     'flip', 'flip_direction', 'flip_indices',
                     'dataset_name', 'crop_rule', 'subject', 'action',
                     'frame_id', 'category', 'supercategory'),
                 pack_transformed: bool = False) -> None:
        super().__init__(meta_keys=meta_keys,
                         pack_transformed=pack_transformed)

    def transform(self, results: dict) -> dict:
        """Pack a sample."""
        results = dict(results)
        # A codec's tables, put there by MMPose's GenerateTarget, would
        # replace ours and lose the boxes.
        for name in ('instance_mapping_table', 'label_mapping_table',
                     'field_mapping_table'):
            if name in results:
                results[name] = {**getattr(self, name), **results[name]}
        if results.get('img_mask') is not None:
            results['masks'] = results['img_mask'][None]
        return super().transform(results)
