"""Pictures of predictions."""
from .hypotheses import draw_hypotheses

__all__ = ['draw_hypotheses']
