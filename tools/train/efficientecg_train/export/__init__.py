"""Weight files, and networks to hold an engine against."""

from .weights import arrays, load, save

__all__ = ["arrays", "load", "save"]
