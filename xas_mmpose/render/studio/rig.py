"""Four calibrated cameras around the middle of a room.

World frame of the studio, as Human3.6M's: mm, z up, the floor at z = 0, the
origin in the middle of the room.
"""
from __future__ import annotations

from typing import Any

import numpy as np

#: Human3.6M's cameras, and where each stands: degrees around the room from
#: its x axis.
CAMERA_IDS = {'54138969': 70.0, '55011271': -70.0, '58860488': 110.0,
              '60457274': -110.0}

#: Ranges of a camera's distance from the middle (on the floor) and height,
#: and of the height of the point that it looks at, mm.
DISTANCE = (4600.0, 5400.0)
HEIGHT = (1350.0, 1650.0)
AIM = (850.0, 1000.0)

#: Focal length over the picture's side: 2000 mm at 5 m fill 0.48 of it.
FOCAL = 1.2


def draw_rig(rng: np.random.Generator, image_size: int,
             focal: float = FOCAL) -> dict[str, dict[str, Any]]:
    """Put up the cameras.

    Args:
        rng: Source of randomness.
        image_size: Side of the square pictures in px.
        focal: Focal length over the picture's side.

    Returns:
        ``camera_param`` by camera id: ``f`` (2,), ``c`` (2,) in px, ``R``
        (3, 3), ``T`` (3,) from world to camera, mm, ``w``, ``h``. They have
        no lens distortion.
    """
    rig = {}
    for name, degrees in CAMERA_IDS.items():
        angle = np.deg2rad(degrees + rng.uniform(-6, 6))
        distance = rng.uniform(*DISTANCE)
        place = np.array([distance * np.cos(angle), distance * np.sin(angle),
                          rng.uniform(*HEIGHT)])
        aim = np.array([*rng.uniform(-120, 120, 2), rng.uniform(*AIM)])
        rotation = _look(aim - place, np.deg2rad(rng.uniform(-1, 1)))
        length = image_size * focal * (1 + rng.uniform(-0.01, 0.01))
        middle = (image_size - 1) / 2
        rig[name] = dict(
            f=length * (1 + rng.uniform(-0.002, 0.002, 2)),
            c=middle + image_size * rng.uniform(-0.012, 0.012, 2),
            R=rotation,
            T=-rotation @ place,
            w=image_size,
            h=image_size)
    return rig


def camera_place(camera: dict[str, Any]) -> np.ndarray:
    """Return where a camera stands (3,), world mm."""
    return -camera['R'].T @ camera['T']


def _look(direction: np.ndarray, roll: float) -> np.ndarray:
    """Return the world-to-camera rotation that looks along a direction.

    Args:
        direction: Optical axis (3,), world frame, not vertical.
        roll: Turn of the picture about the axis, radians.
    """
    ahead = direction / np.linalg.norm(direction)
    right = np.cross(ahead, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    upright = np.stack([right, np.cross(ahead, right), ahead])
    c, s = np.cos(roll), np.sin(roll)
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) @ upright
