from __future__ import annotations

import cv2
import numpy as np

from xas_mmpose.apis import PersonPose, PicturePoses
from xas_mmpose.skeletons import HUMAN36M_18


def person(box):
    poses = np.zeros((2, 18, 3))
    poses[:, :, 1] = np.linspace(-500, 500, 18)
    return PersonPose(
        keypoints=np.full((18, 2), 20.0), keypoint_scores=np.ones(18),
        keypoints_3d=poses[0], hypotheses_3d=poses,
        hypothesis_scores=np.ones((2, 18)), box=np.array(box, float),
        box_score=1.0, box_source='given', mask_used=False, cube_size=2000.0)


def test_people_stand_below_each_other(tool):
    draw = tool('inference.drawing').draw_poses
    image = np.zeros((60, 100, 3), np.uint8)
    image[:, :10] = (0, 0, 255)
    poses = PicturePoses('a', size=(100, 60), image=image)
    skeleton = HUMAN36M_18.metainfo()
    np.testing.assert_array_equal(draw(poses, skeleton), image)
    poses.people = [person([2, 10, 30, 50]), person([60, 10, 90, 50])]
    both = draw(poses, skeleton)
    poses.people = poses.people[:1]
    first = draw(poses, skeleton)
    assert both.shape[0] == 2 * first.shape[0]
    np.testing.assert_array_equal(both[:first.shape[0], :first.shape[1]],
                                  first)

    def red(picture):
        return int((picture == (0, 0, 255)).all(-1).sum())
    # The second is cut out where there is no red.
    assert red(first) > 1000
    assert red(both) == red(first)


def test_the_mean_of_poses_is_called_so(tool, monkeypatch):
    drawing = tool('inference.drawing')
    monkeypatch.setattr(drawing, 'draw_people',
                        lambda image, people, *_: [p.ranking for p in people])
    ranked = person([2, 10, 30, 50])
    ranked.ranking = dict(first='mean', bone_weight=0.5)
    poses = PicturePoses('a', size=(100, 60), people=[ranked],
                         image=np.zeros((60, 100, 3), np.uint8))
    assert drawing.draw_poses(poses, {}) == [ranked.ranking]


def test_frames_of_a_video_are_as_large_as_the_first(tool, tmp_path):
    drawing = tool('inference.drawing')
    video = drawing.VideoFile(tmp_path / 'a.mp4', 12.5)
    video.add(np.zeros((33, 41, 3), np.uint8))
    video.add(np.full((80, 20, 3), 90, np.uint8))
    video.close()
    capture = cv2.VideoCapture(str(tmp_path / 'a.mp4'))
    frames = [capture.read()[1] for _ in range(2)]
    assert not capture.read()[0]
    assert [f.shape for f in frames] == [(34, 42, 3)] * 2
    assert abs(frames[1][:30, :16].mean() - 90) < 8
    assert frames[1][:, 30:].mean() > 245
    assert drawing.frame_rate(str(tmp_path / 'a.mp4')) == 12.5
    assert drawing.frame_rate('no.mp4') == 25
