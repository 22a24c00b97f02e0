"""Data, its changes and the loops that train networks on it."""
