"""Pictures of predictions and of synthetic samples."""
from .contact_sheet import contact_sheet
from .hypotheses import draw_hypotheses

__all__ = ['contact_sheet', 'draw_hypotheses']
