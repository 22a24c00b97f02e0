"""What goes wrong: one line each, with the item, what was expected, what was found, and the fix.

```text
Error
├── LoadError            a model: its name, file, weights or configuration
├── RecordError          a record: its file, or what it holds
│   └── RecordNotFoundError
├── InputError           arrays, features and options that do not fit
└── RunError             the network on these numbers
```

>>> import efficientecg
>>> try:
...     efficientecg.Model("mitbih")
... except efficientecg.LoadError as error:
...     print(error)
model: expected one of mitbih-beats, beats, beats-1lead, cinc2017-rhythm, ptbxl-8lead, found mitbih; name one of these, or load a file
"""

from __future__ import annotations

__all__ = ["Error", "InputError", "LoadError", "RecordError", "RecordNotFoundError", "RunError"]


class Error(Exception):
    """Whatever this package raises of its own."""


class LoadError(Error, ValueError):
    """A model that cannot be loaded."""


class RecordError(Error, ValueError):
    """A record that cannot be read, or does not hold what is asked of it."""


class RecordNotFoundError(RecordError, FileNotFoundError):
    """A record's file that is not there."""


class InputError(Error, ValueError):
    """Arrays, features or options that do not fit."""


class RunError(Error, RuntimeError):
    """A run that failed on its numbers."""
