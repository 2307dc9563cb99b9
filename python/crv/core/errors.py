"""What the contracts raise."""

from __future__ import annotations

__all__ = ["GrammarError", "SchemaError", "VersionMismatch"]


class GrammarError(ValueError):
    """A word is not in the vocabulary, or is not spelt as the grammar asks."""


class SchemaError(ValueError):
    """A value does not fit the schema it is for."""


class VersionMismatch(RuntimeError):
    """Data was written under a schema version that this build does not read."""
