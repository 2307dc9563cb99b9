"""A scan of many runs as a LazyFrame.

The native scan reads the parts. Of the filter that Polars passes on, what concerns only runs or only ticks is applied
before anything is opened: conditions on ``run_id`` and parameters to the list of runs, conditions on ``tick`` to the
list of ticks.
"""

from collections.abc import Iterator
from functools import partial

import polars as pl
from polars.io.plugins import register_io_source

from crv import _native
from crv.io._polars import frames
from crv.io._polars_plan import defers_sources

__all__ = ["lazy_frame"]

_MAX_TICKS = 5_000_000
"""A condition on ticks is tried on so many ticks at most."""


def lazy_frame(scan: _native.CatalogScan) -> pl.LazyFrame:
    """Returns the rows of ``scan``, run by run."""
    return register_io_source(partial(_source, scan), schema=pl.Schema(scan))


def _source(
    scan: _native.CatalogScan,
    with_columns: list[str] | None,
    predicate: pl.Expr | None,
    n_rows: int | None,
    batch_size: int | None,
) -> Iterator[pl.DataFrame]:
    """Returns the rows that Polars asks for: these columns of the first ``n_rows`` rows, then only those that match."""
    # Rows that a condition leaves out count among the first ``n_rows`` rows: runs are left out without a limit only.
    if predicate is not None and n_rows is None:
        scan = _narrowed(scan, _conditions(predicate))
    if not defers_sources():
        # Earlier versions of Polars turn the exceptions of a generator into `ComputeError`s.
        scan.verify()
    return frames(scan.batches(columns=with_columns, limit=n_rows), predicate, batch_size)


def _narrowed(scan: _native.CatalogScan, conditions: list[pl.Expr]) -> _native.CatalogScan:
    """Leaves out runs and ticks for which one of ``conditions``, all of which must hold, is false."""
    facts = pl.DataFrame(scan.facts())
    of_runs = [one for one in conditions if _asks_only(one, facts.columns)]
    if of_runs:
        places = facts.select(pl.arg_where(pl.all_horizontal(of_runs))).to_series()
        scan = scan.only(places.to_list())
    of_ticks = [one for one in conditions if _asks_only(one, ["tick"])]
    first, last = scan.ticks
    if of_ticks and first is not None and last is not None and last - first < _MAX_TICKS:
        ticks = pl.select(pl.int_range(first, last + 1, dtype=pl.Int64).alias("tick"))
        kept = ticks.filter(pl.all_horizontal(of_ticks))["tick"]
        if kept.is_empty():
            return scan.only([])
        scan = scan.within(int(kept[0]), int(kept[-1]))
    return scan


def _asks_only(condition: pl.Expr, columns: list[str]) -> bool:
    names = condition.meta.root_names()
    return bool(names) and set(names) <= set(columns)


def _conditions(predicate: pl.Expr) -> list[pl.Expr]:
    """Splits ``a & b`` into its conditions, however deep."""
    try:
        inputs = predicate.meta.pop()
    except Exception:
        return [predicate]
    if len(inputs) == 2:
        for one, other in (inputs, inputs[::-1]):
            if (one & other).meta.eq(predicate):
                return _conditions(one) + _conditions(other)
    return [predicate]
