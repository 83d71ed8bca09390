"""Free multi-camera studios in Human3.6M's layout: XaS-Mini."""
from .generator import StudioGenerator, StudioSettings
from .recording import XasMiniGenerator, XasMiniSettings
from .studio_set import write_studio_set

__all__ = [
    'StudioGenerator', 'StudioSettings', 'XasMiniGenerator',
    'XasMiniSettings', 'write_studio_set'
]
