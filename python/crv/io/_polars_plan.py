"""A Polars LazyFrame whose plan is made when it is collected.

Polars reads tables of Iceberg and Delta in this way: at every `collect`, before it optimizes, it asks an object for the
LazyFrame that stands for the table. An exception that is raised there reaches the caller as it is, and all that comes
after is Polars' own plan. `LazyFrameResolver` is the interface of versions that have it, the object of
`new_from_dataset_object` that of the earlier ones. Both can be pickled with what they hold.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import polars as pl

__all__ = ["deferred"]

Plan = Callable[[int | None], pl.LazyFrame]
"""Makes the plan of which at most so many rows are asked for."""

# A plan does not change: a later `collect` takes the one that is there.
_VERSION = "1"


def deferred(plan: Plan, schema: pl.Schema) -> pl.LazyFrame:
    """A LazyFrame with this schema, whose ``plan``, a single scan, is made at every `collect`."""
    if _Resolver is not None:
        return pl.LazyFrame.from_lazyframe_resolver(_Resolver(plan, schema))
    of_object = _of_object()
    if of_object is None:
        # A version that has neither: the plan is made now.
        return plan(None)
    return pl.LazyFrame._from_pyldf(of_object(_Dataset(plan, schema)))


def _of_object() -> Callable[[object], Any] | None:
    """What makes a plan of an object, in versions that have that."""
    try:
        of_object: Callable[[object], Any] = import_module("polars._plr").PyLazyFrame.new_from_dataset_object
    except (ImportError, AttributeError):
        return None
    return of_object


class _Dataset:
    """What `scan_iceberg` gives to Polars, for a table of ours."""

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
