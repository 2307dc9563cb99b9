"""Where a run comes from: its model, the directory of the model's source, and the command line."""

import os
import sys
from types import ModuleType


def model_facts(model: object) -> tuple[str | None, str | None, str | None]:
    """Returns the name of a model, its version, and the directory of its source.

    ``model`` is a name, a class, a function, a module or an instance; None stands for the script that is running.

    >>> model_facts("sir")[:2]
    ('sir', None)
    >>> import json
    >>> name, version, source = model_facts(json.JSONDecoder)
    >>> name, source == os.path.dirname(json.__file__)
    ('JSONDecoder', True)
    """
    script = _directory(sys.modules.get("__main__"))
    if model is None:
        file = getattr(sys.modules.get("__main__"), "__file__", None)
        return (os.path.splitext(os.path.basename(file))[0] if file else None), None, script
    if isinstance(model, str):
        return model, None, script
    named = model if isinstance(model, ModuleType) or hasattr(model, "__qualname__") else type(model)
    name = getattr(named, "__qualname__", None) or getattr(named, "__name__", None)
    module = named if isinstance(named, ModuleType) else sys.modules.get(getattr(named, "__module__", ""))
    version = getattr(named, "__version__", None) or getattr(module, "__version__", None)
    return name, (version if isinstance(version, str) else None), _directory(module) or script


def command_line() -> list[str]:
    """Returns the command line of this process, as text."""
    return [os.fsencode(argument).decode("utf-8", "replace") for argument in sys.orig_argv]


def _directory(module: ModuleType | None) -> str | None:
    """Returns the directory of a module's source, if it is on disk."""
    file = getattr(module, "__file__", None)
    directory = os.path.dirname(os.path.realpath(file)) if file else None
    return directory if directory and os.path.isdir(directory) else None
