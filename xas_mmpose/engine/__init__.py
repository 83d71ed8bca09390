"""What runs beside the model while it trains."""
from .hooks import PretrainedWeightsHook

__all__ = ['PretrainedWeightsHook']
