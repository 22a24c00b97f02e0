"""The engine beside the runtimes that people would pick instead."""
