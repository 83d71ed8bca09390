"""Making foreground masks of pictures that have none."""
from .background import BackgroundMethod
from .cleaning import NoMaskError
from .grabcut import GrabCutMethod
from .mask_set import MaskItem, list_items, write_masks
from .people import People, Person, read_people
from .pictures import UnreadableError, read_picture
from .segmenters import MaskRcnnMethod, SamMethod
from .video import extract_frames, is_video

__all__ = [
    'BackgroundMethod', 'GrabCutMethod', 'MaskItem', 'MaskRcnnMethod',
    'NoMaskError', 'People', 'Person', 'SamMethod', 'UnreadableError',
    'extract_frames', 'is_video', 'list_items', 'read_people',
    'read_picture', 'write_masks',
]
