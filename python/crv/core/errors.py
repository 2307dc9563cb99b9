"""The exceptions of the contracts."""

from __future__ import annotations

__all__ = ["GrammarError", "SchemaError", "VersionMismatch"]


class GrammarError(ValueError):
    """A value is not in its vocabulary, or not spelt as the grammar requires."""


class SchemaError(ValueError):
    """A value does not fit its schema."""


class VersionMismatch(RuntimeError):
    """Data has a schema version that this build does not read."""
