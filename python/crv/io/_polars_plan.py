"""A Polars LazyFrame whose plan is made when it is collected.

Polars reads Iceberg and Delta tables this way: at every `collect`, before it optimizes, it asks an object for the
LazyFrame of the table. Exceptions raised there reach the caller unchanged; the rest is Polars' own plan. Newer versions
have the interface `LazyFrameResolver`, earlier ones take an object in `new_from_dataset_object`. Both can be pickled
with their fields.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import polars as pl

__all__ = ["deferred", "defers_sources"]

Plan = Callable[[int | None], pl.LazyFrame]
"""Makes the plan, for at most this many rows."""

# The plan never changes: a later `collect` uses the plan of the first.
_VERSION = "1"


def deferred(plan: Plan, schema: pl.Schema, *, is_source: bool = False) -> pl.LazyFrame:
    """Returns a LazyFrame with this schema whose ``plan``, a single scan, is made at every `collect`.

    ``is_source``: the plan is a Python source. The interface of earlier versions panics on one.
    """
    if _Resolver is not None:
        return pl.LazyFrame.from_lazyframe_resolver(_Resolver(plan, schema))
    of_object = None if is_source else _of_object()
    if of_object is None:
        # This version has no interface for it: the plan is made now.
        return plan(None)
    return pl.LazyFrame._from_pyldf(of_object(_Dataset(plan, schema)))


def defers_sources() -> bool:
    """Returns whether this version of Polars can make a plan with a Python source at every `collect`."""
    return _Resolver is not None


def _of_object() -> Callable[[object], Any] | None:
    """Returns the function that makes a plan of an object, if this version of Polars has it."""
    try:
        of_object: Callable[[object], Any] = import_module("polars._plr").PyLazyFrame.new_from_dataset_object
    except (ImportError, AttributeError):
        return None
    return of_object


class _Dataset:
    """The object that `scan_iceberg` passes to Polars, here for a table of crv."""

    def __init__(self, plan: Plan, schema: pl.Schema) -> None:
        self.plan = plan
        self._schema = schema

    def schema(self) -> pl.Schema:
        return self._schema

    def to_dataset_scan(
        self, *, existing_resolved_version_key: str | None = None, limit: int | None = None, **_: object
    ) -> tuple[pl.LazyFrame, str] | None:
        plan = self.plan(limit)
        return None if existing_resolved_version_key == _VERSION else (plan, _VERSION)


_Resolver: Callable[[Plan, pl.Schema], Any] | None = None
try:
    from polars.lazyframe.resolver import LazyFrameResolver, ResolvedLazyFrameProps
except ImportError:
    pass
else:

    class _PlanResolver(LazyFrameResolver):
        def __init__(self, plan: Plan, schema: pl.Schema) -> None:
            self._plan = plan
            self._schema = schema

        def schema(self) -> pl.Schema:
            return self._schema

        def resolve_lazyframe(
            self, *, limit: int | None, existing_resolved_version_key: str | None, **_: object
        ) -> tuple[pl.LazyFrame | None, ResolvedLazyFrameProps]:
            plan = self._plan(limit)
            known = existing_resolved_version_key == _VERSION
            return None if known else plan, ResolvedLazyFrameProps(version_key=_VERSION)

        def cse_eq(self, other: object) -> bool:
            return self is other

    _Resolver = _PlanResolver
