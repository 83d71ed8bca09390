"""Pictures of predictions and of synthetic samples."""
from .contact_sheet import contact_sheet
from .data_sample import draw_sample
from .hypotheses import draw_hypotheses
from .hypothesis_visualizer import HypothesisVisualizer
from .mask_picture import predicted_mask
from .people import DrawnPerson, draw_people

__all__ = [
    'DrawnPerson', 'HypothesisVisualizer', 'contact_sheet',
    'draw_hypotheses', 'draw_people', 'draw_sample', 'predicted_mask'
]
