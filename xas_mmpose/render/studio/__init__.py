"""XaS-Mini: a free multi-camera studio in Human3.6M's layout and names."""
from .recording import XAS_MINI_VERSION, XasMiniGenerator, XasMiniSettings
from .studio_set import write_xas_mini

__all__ = [
    'XAS_MINI_VERSION', 'XasMiniGenerator', 'XasMiniSettings',
    'write_xas_mini'
]
