"""Trains EfficientECG networks and exports them in the ``efficientecg/1`` weight format."""
