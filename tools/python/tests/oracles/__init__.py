"""The features of the engine once more, in plain NumPy from their formulas: what the tests hold the package against.

Nothing else uses them. Training takes its features from the package.
"""
