"""The head: features to volumes, losses and several 3D poses."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.models.heads.heatmap_heads import HeatmapHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch import Tensor, nn

from xas_mmpose.geometry.cameras import normalised_to_patch
from xas_mmpose.ops import Marginals, projected_marginals

from .camera_frame import patch_to_camera
from .fitting import FeatureSize, fit_layers
from .pretext_losses import PretextLosses, is_on

Features = Sequence[Tensor]


@MODELS.register_module()
class MultiHypothesisHead(HeatmapHead):
    """Predict several 3D poses from one image, trained without pose labels.

    Sec. 3 of arXiv 2411.13026. Transposed convolutions and a 1x1 convolution
    turn a feature map into one volume per key point, which the codec decodes
    into M hypotheses. It works behind any MMPose backbone inside
    ``TopdownPoseEstimator``; inside
    :class:`~xas_mmpose.models.FittedTopdownPoseEstimator` it works out the
    sizes of its layers.

    A training batch may mix two kinds of samples, told apart by the metainfo
    key ``domain``: *synthetic* pairs with labels, and unlabelled *target*
    pictures with a foreground mask. One forward pass serves both, and a loss
    reads the samples of its kind only.

    Args:
        in_channels: Channels of the feature map; None: those that it has.
        metainfo: ``dataset_info`` of the key points. Read are their number,
            ``root_index`` (0 if missing), and the links that the mask loss
            draws.
        decoder: Config of the codec
            (:class:`~xas_mmpose.codecs.DepthModeVolume`).
        deconv_out_channels: Filters of each transposed convolution, which
            doubles the map; None or empty for none. One number: as many as
            it takes to ``heatmap_size``, with so many filters each.
        deconv_kernel_sizes: Kernel size of each of them, or one for all.
        loss_synthetic: Config of the loss of hypotheses against synthetic
            truth.
        loss_synthetic_likelihood: Config of the loss of the marginals
            against synthetic truth, or None.
        loss_skeleton_mask: Config of the loss of the drawn skeleton against
            the target's mask, or None. It is given ``metainfo``, as are the
            next two.
        loss_physique_mask: Config of the loss of the fleshed-out skeleton
            against the target's mask, or None. Its network is trained with
            the head.
        loss_symmetry: Config of the loss of left against right in the
            target's 3D poses, or None.
        loss_prior: Config of the loss of the target's 3D poses before a
            discriminator, or None. The discriminator is not a part of the
            head: it comes from
            :class:`~xas_mmpose.engine.AdversarialPriorHook`.
        loss_teacher: Config of the loss of the target's marginals against
            those that
            :class:`~xas_mmpose.engine.MeanTeacherHook` hands over, or None.
        bone_prior: Config of what lets the depth profiles agree on bone
            lengths before they are decoded
            (:class:`~xas_mmpose.models.priors.BoneLengthPrior`); it is given
            ``metainfo``. None to decode each key point for itself. In
            training it learns lengths from synthetic truth, and changes
            nothing.
        pose_ranker: Config of what puts the codec's modes together into
            whole poses
            (:class:`~xas_mmpose.models.heads.pose_ranker.PoseRanker`); it is
            given ``metainfo``. None to predict the m-th mode of every key
            point as the m-th pose. Training is the same.
        in_index: Which feature map; the last one by default.
        feature_sizes: Size (C, h, w) of each feature map, which the estimator
            tells, not the config.
        init_cfg: Initialisation; Kaiming normal by default.

    Raises:
        ValueError: If the metainfo has no key points, or the layers do not
            lead from the feature map to the volumes.

    Note:
        While ``loss_physique_mask`` has weight 0 its network takes no part.
        PyTorch's DDP must be told that there may be such parameters:
        ``find_unused_parameters = True`` in the config.
    """

    def __init__(self,
                 in_channels: int | None,
                 metainfo: Mapping[str, Any],
                 decoder: Mapping[str, Any],
                 deconv_out_channels: int | Sequence[int] | None = (
                     256, 256, 256),
                 deconv_kernel_sizes: int | Sequence[int] | None = 4,
                 loss_synthetic: Mapping[str, Any] | None = None,
                 loss_synthetic_likelihood: Mapping[str, Any] | None = None,
                 loss_skeleton_mask: Mapping[str, Any] | None = None,
                 loss_physique_mask: Mapping[str, Any] | None = None,
                 loss_symmetry: Mapping[str, Any] | None = None,
                 loss_prior: Mapping[str, Any] | None = None,
                 loss_teacher: Mapping[str, Any] | None = None,
                 bone_prior: Mapping[str, Any] | None = None,
                 pose_ranker: Mapping[str, Any] | None = None,
                 in_index: int = -1,
                 feature_sizes: Sequence[FeatureSize] | None = None,
                 init_cfg: Any = None) -> None:
        self.num_keypoints = len(metainfo.get('keypoint_info', ()))
        if self.num_keypoints == 0:
            raise ValueError('the metainfo of MultiHypothesisHead has no '
                             'keypoint_info; give it the dataset_info of '
                             'the data set')
        self.root_index = int(metainfo.get('root_index', 0))
        codec = KEYPOINT_CODECS.build(decoder)
        super().__init__(
            **fit_layers(codec.heatmap_size, in_channels, deconv_out_channels,
                         deconv_kernel_sizes, in_index, feature_sizes),
            out_channels=self.num_keypoints * codec.heatmap_size[2],
            loss=loss_synthetic or dict(type='WinnerTakesAllLoss'),
            init_cfg=init_cfg)
        self.in_index = in_index
        self.decoder = codec
        self.likelihood_loss_module = (
            MODELS.build(loss_synthetic_likelihood)
            if loss_synthetic_likelihood else None)
        self.metainfo = metainfo
        self.pretext = PretextLosses(
            metainfo, loss_skeleton_mask, loss_physique_mask, loss_symmetry,
            loss_prior, loss_teacher)
        self.bone_prior = (
            MODELS.build(dict(type='BoneLengthPrior', metainfo=metainfo)
                         | dict(bone_prior))
            if bone_prior is not None else None)
        self.pose_ranker = (
            MODELS.build(dict(type='PoseRanker', metainfo=metainfo)
                         | dict(pose_ranker))
            if pose_ranker is not None else None)

    @property
    def loss_modules(self) -> dict[str, nn.Module | None]:
        """Every loss by the name it is logged under; None if missing."""
        return dict(
            loss_synthetic=self.loss_module,
            loss_synthetic_likelihood=self.likelihood_loss_module,
            loss_skeleton_mask=self.pretext.skeleton_mask,
            loss_physique_mask=self.pretext.physique_mask,
            loss_symmetry=self.pretext.symmetry,
            loss_prior=self.pretext.prior,
            loss_teacher=self.pretext.teacher)

    @property
    def default_init_cfg(self) -> list[dict]:
        """Kaiming normal, fan out, bias 0, as in the paper's detector."""
        return [
            dict(type='Kaiming', layer=['Conv2d', 'ConvTranspose2d'],
                 mode='fan_out', nonlinearity='relu'),
            dict(type='Constant', layer='BatchNorm2d', val=1)
        ]

    def forward(self, feats: Features) -> Tensor:
        """Compute the volumes.

        Args:
            feats: Feature maps of the backbone; one (B, C, h, w) is used.

        Returns:
            Scores (B, K, D, H, W).

        Raises:
            ValueError: If the map has other channels than ``in_channels``
                says, or does not come out as large as the codec's
                ``heatmap_size`` says.
        """
        depth = self.decoder.heatmap_size[2]
        scores = self.final_layer(self._features(feats))
        return scores.unflatten(1, (self.num_keypoints, depth))

    def marginals(self, feats: Features) -> Marginals:
        """Compute the marginals of the volumes, which are never whole.

        Args:
            feats: As for :meth:`forward`.

        Returns:
            What :func:`~xas_mmpose.ops.volume_marginals` makes of
            :meth:`forward`, for less memory.

        Raises:
            ValueError: As :meth:`forward`.
        """
        return projected_marginals(
            self._features(feats), self.final_layer.weight,
            self.final_layer.bias, self.num_keypoints)

    def _features(self, feats: Features) -> Tensor:
        """Enlarge the feature map to the volumes' size."""
        feature_map = feats[self.in_index]
        if feature_map.shape[1] != self.in_channels:
            raise ValueError(
                f'the feature map has {feature_map.shape[1]} channels, but '
                f'head.in_channels={self.in_channels}')
        features = self.conv_layers(self.deconv_layers(feature_map))
        width, height, _ = self.decoder.heatmap_size
        if features.shape[-2:] != (height, width):
            raise ValueError(
                f'the volumes have {features.shape[-1]}x{features.shape[-2]} '
                f'cells, but heatmap_size says {width}x{height}: each entry '
                "of deconv_out_channels doubles the backbone's map of "
                f'{feature_map.shape[-1]}x{feature_map.shape[-2]}')
        return features

    def loss(self,
             feats: Features,
             batch_data_samples: Sequence[Any],
             train_cfg: Mapping[str, Any] | None = None) -> dict[str, Tensor]:
        """Compute the losses of a batch, of both kinds of samples or one.

        Args:
            feats: Feature maps of the backbone.
            batch_data_samples: The samples.
            train_cfg: Unused, part of MMPose's interface.

        Returns:
            The losses that are on under their names in
            :attr:`loss_modules`; 0 where the batch has no sample of the
            kind.

        Raises:
            ValueError: If a sample's ``domain`` is unknown, or the prior's
                loss is on without a discriminator.
        """
        marginals = self.marginals(feats)
        hypotheses, _ = self.decoder.decode_marginals(marginals)
        target, synthetic = self._split(batch_data_samples, hypotheses.device)
        truth, weight = self._truth(
            [batch_data_samples[i] for i in synthetic.tolist()], hypotheses)
        if self.bone_prior is not None:
            self.bone_prior.observe(truth, weight)
        losses = self._synthetic_losses(
            hypotheses[synthetic],
            Marginals(*(m[synthetic] for m in marginals)), truth, weight)
        losses.update(self.pretext(
            hypotheses[target],
            [batch_data_samples[i] for i in target.tolist()],
            truth[(weight > 0).all(-1)],
            Marginals(*(m[target] for m in marginals))))
        return losses

    def _split(self, samples: Sequence[Any],
               device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the indices of target and of synthetic samples."""
        domains = [sample.metainfo.get('domain') for sample in samples]
        unknown = set(domains) - {'target', 'synthetic'}
        if unknown:
            raise ValueError(
                f'samples of unknown domain {sorted(map(str, unknown))}: a '
                "training sample needs the metainfo key domain='target' or "
                "'synthetic' (is 'domain' among PackXasInputs' meta_keys?)")
        return tuple(
            torch.tensor([i for i, d in enumerate(domains) if d == kind],
                         dtype=torch.long, device=device)
            for kind in ('target', 'synthetic'))

    def _truth(self, samples: Sequence[Any],
               like: Tensor) -> tuple[Tensor, Tensor]:
        """Return poses (N, K, 3), normalised, and weights (N, K)."""
        if not samples:
            return (like.new_zeros(0, self.num_keypoints, 3),
                    like.new_zeros(0, self.num_keypoints))
        labels = [sample.gt_instance_labels for sample in samples]
        return (torch.cat([i.keypoint_labels for i in labels]).to(like),
                torch.cat([i.keypoint_weights for i in labels]).to(like))

    def _synthetic_losses(self, hypotheses: Tensor, marginals: Marginals,
                          truth: Tensor, weight: Tensor) -> dict[str, Tensor]:
        """Compare predictions on synthetic pictures with their truth."""
        losses = {}
        # Without samples, too: other processes may have some.
        if is_on(self.loss_module):
            losses['loss_synthetic'] = self.loss_module(hypotheses, truth,
                                                        weight)
        if is_on(self.likelihood_loss_module):
            losses['loss_synthetic_likelihood'] = self.likelihood_loss_module(
                marginals, self.decoder.normalised_to_index(truth), weight)
        return losses

    def predict(self,
                feats: Features | list[Features],
                batch_data_samples: Sequence[Any],
                test_cfg: Mapping[str, Any] | None = None
                ) -> list[InstanceData]:
        """Predict poses.

        Args:
            feats: Feature maps of the backbone; with ``flip_test`` a list of
                those of the pictures and of the mirrored pictures.
            batch_data_samples: The samples. Their metainfo should hold the
                crop (``input_center``, ``input_scale``, ``cube_size``) and
                ``camera_param``; without a camera x and y are taken to be
                parallel to the picture.
            test_cfg: ``flip_test`` averages with the mirrored picture;
                ``output_depth_profiles`` adds the marginals over depth.

        Returns:
            One instance a sample, with numpy fields:

            - ``keypoints`` (1, K, 3): the likeliest pose in the patch: px,
              px, mm behind the root (the estimator maps x, y to the image)
            - ``keypoint_scores`` (1, K): probability of its depths
            - ``keypoints_3d`` (1, K, 3): the same in the camera frame, mm,
              relative to the root
            - ``hypotheses`` (1, M, K, 3): all of them, normalised, with the
              root's likeliest place in each
            - ``hypotheses_3d`` (1, M, K, 3): all of them in the camera
              frame, mm, relative to the root
            - ``hypothesis_scores`` (1, M, K): probability of each depth;
              with a ``pose_ranker`` that of the whole pose, the same for all
              its key points. 0 where there is no such hypothesis
            - ``roots_3d`` (1, 3), with a camera: the root in the camera
              frame, mm, at the depth at which the cube fills the crop
            - ``depth_profiles`` (1, K, D), where asked for: what was decoded,
              with a ``bone_prior`` what it has made of the volumes'

            and with a ``pose_ranker`` the metainfo ``pose_ranking``: its
            ``mass_weight``, ``prior_weight`` and ``first``; with a
            ``bone_prior`` ``bone_weight``, 0 while it knows no lengths.

        Raises:
            ValueError: If the ``pose_ranker`` asks a discriminator that no
                checkpoint has brought.
        """
        if test_cfg and test_cfg.get('flip_test', False):
            marginals = self.flip_average(
                feats, batch_data_samples[0].metainfo['flip_indices'])
        else:
            marginals = self.marginals(feats)
        *decoded, profiles = (value.detach().cpu().numpy() for value in
                              self.decode_poses(marginals))
        rules = {}
        if self.pose_ranker is not None:
            rules.update(pose_ranking=self.pose_ranker.ranking)
        if self.bone_prior is not None:
            rules.update(bone_weight=self.bone_prior.weight
                         * self.bone_prior.is_ready)
        if not (test_cfg and test_cfg.get('output_depth_profiles', False)):
            profiles = None
        return self._instances(
            *decoded, [sample.metainfo for sample in batch_data_samples],
            profiles, rules)

    def decode_poses(self, marginals: Marginals) -> tuple[Tensor, ...]:
        """Turn marginals into the poses that :meth:`predict` returns.

        Args:
            marginals: Marginals of the volumes, (B, K, W or H or D).

        Returns:
            ``hypotheses`` (B, M, K, 3), ``hypothesis_scores`` (B, M, K),
            ``keypoint_scores`` (B, 1, K) and ``depth_profiles`` (B, K, D).

        Raises:
            ValueError: As :meth:`predict`.
        """
        if self.bone_prior is not None:
            marginals = self.bone_prior(marginals, self.decoder)
        hypotheses, scores = self.decoder.decode_marginals(marginals)
        # Poses are told relative to the root, which therefore has one place:
        # another mode of it would shift a whole hypothesis.
        is_root = torch.arange(
            self.num_keypoints, device=scores.device) == self.root_index
        hypotheses = torch.where(is_root[:, None], hypotheses[:, :1],
                                 hypotheses)
        scores = torch.where(is_root, scores[:, :1], scores)
        keypoint_scores = scores[:, :1]
        if self.pose_ranker is not None:
            ranked = self.pose_ranker(hypotheses, scores)
            hypotheses, keypoint_scores = ranked.poses, ranked.mass[:, :1]
            scores = ranked.probability[..., None].expand_as(ranked.mass)
        return hypotheses, scores, keypoint_scores, marginals.z

    def flip_average(self, feats: Sequence[Features],
                     flip_indices: Sequence[int]) -> Marginals:
        """Average the marginals of pictures and of mirrored pictures.

        Args:
            feats: Feature maps of the B pictures, and of their mirror
                images.
            flip_indices: Mirror partner of each key point.

        Returns:
            Marginals of the B pictures.
        """
        straight, flipped = (self.marginals(f) for f in feats)
        swap = list(flip_indices)
        flipped = Marginals(flipped.x[:, swap].flip(-1), flipped.y[:, swap],
                            flipped.z[:, swap])
        return Marginals(*((a + b) / 2 for a, b in zip(straight, flipped)))

    def _instances(self, hypotheses: np.ndarray, scores: np.ndarray,
                   keypoint_scores: np.ndarray,
                   metainfos: Sequence[Mapping[str, Any]],
                   profiles: np.ndarray | None = None,
                   rules: Mapping[str, Any] | None = None
                   ) -> list[InstanceData]:
        """Convert hypotheses (B, M, K, 3) into all frames, in float64."""
        hypotheses = hypotheses.astype(np.float64)
        cube_sizes = np.array([
            metainfo.get('cube_size', self.decoder.cube_size)
            for metainfo in metainfos], np.float64)
        # Of each hypothesis, not of each sample.
        patch = normalised_to_patch(hypotheses, self.decoder.input_size,
                                    cube_sizes[:, None])
        camera = (hypotheses * np.array([0.5, 0.5, 1.0])
                  * cube_sizes[:, None, None, None])
        seen = [i for i, metainfo in enumerate(metainfos)
                if 'camera_param' in metainfo]
        if seen:
            camera[seen] = patch_to_camera(
                patch[seen], cube_sizes[seen], [metainfos[i] for i in seen],
                self.decoder.input_size)
        roots = camera[:, 0, self.root_index]
        camera = camera - camera[:, :, [self.root_index]]
        instances = []
        for i in range(len(hypotheses)):
            fields = dict(
                keypoints=patch[i, :1],
                keypoint_scores=keypoint_scores[i],
                keypoints_3d=camera[i, :1],
                hypotheses=hypotheses[i:i + 1],
                hypotheses_3d=camera[i:i + 1],
                hypothesis_scores=scores[i:i + 1])
            if i in seen:
                fields['roots_3d'] = roots[i:i + 1]
            if profiles is not None:
                fields['depth_profiles'] = profiles[i:i + 1]
            instances.append(InstanceData(metainfo=dict(rules or {}),
                                          **fields))
        return instances
