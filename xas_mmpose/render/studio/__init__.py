"""Free multi-camera studios in Human3.6M's layout: people and animals."""
from .generator import StudioGenerator, StudioSettings
from .recording import XasMiniGenerator, XasMiniSettings
from .studio_set import write_studio_set
from .zoo import XasZooMiniGenerator, XasZooMiniSettings

__all__ = [
    'StudioGenerator', 'StudioSettings', 'XasMiniGenerator',
    'XasMiniSettings', 'XasZooMiniGenerator', 'XasZooMiniSettings',
    'write_studio_set'
]
