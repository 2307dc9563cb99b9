"""From a scan to Polars frames.

Polars' own Parquet reader gets the pruned list of parts and the table's schema, so that projection and predicate
push-down, streaming and the user's own version of Polars all work. A few parts it cannot read: those that hold
lists whose item type was not known yet when they were written, and those that are not files. They come from the
native scan, in their place in the order.

Polars takes a file as it finds it. So the native scan compares the parts with their entries first: in `lazy_frame` at
every `collect`, before Polars plans the reading; in `frame` likewise. If Polars fails all the same, `frame` looks at the
parts again, for an error that names the one that is damaged.
"""

from collections.abc import Callable, Iterator
from functools import partial

import polars as pl
from polars.exceptions import PanicException
from polars.io.plugins import register_io_source

from crv import _native
from crv.io._polars_plan import deferred
from crv.io.errors import IoError, IoReadError

__all__ = ["frame", "lazy_frame"]

# Payload fields differ from part to part: what a part lacks is null. An integer may have become a float since. The
# table's schema has every field there is, but for the one that stands for "no fields" in Parquet: it is left out.
_CASTS = pl.ScanCastOptions(
    integer_cast=["upcast", "allow-float"], missing_struct_fields="insert", extra_struct_fields="ignore"
)

_Group = tuple[list[str] | None, int, int]
"""Neighbouring parts: their paths where Polars can read them, and their places in the scan."""


def frame(scan: _native.Scan, limit: int | None) -> pl.DataFrame:
    """The rows of ``scan``, the first ``limit`` of them, now."""
    if scan.is_small:
        # A tick of a simulation is one small part: Polars takes longer to plan its reading than reading it takes.
        batches = [pl.DataFrame(batch) for batch in scan.batches(0, 1, columns=None, limit=limit)]
        return pl.concat(batches) if batches else pl.DataFrame(schema=pl.Schema(scan))
    scan.verify(limit=limit)
    rows = _frame_of(scan, partial(_group, scan))
    try:
        return (rows if limit is None else rows.head(limit)).collect()
    except (IoError, MemoryError):
        raise
    # Polars panics on some damage, and a panic is no `Exception`.
    except (Exception, PanicException) as error:
        raise _told(scan, error) from error


def lazy_frame(scan: _native.Scan) -> pl.LazyFrame:
    """The rows of ``scan``, in its order and with its schema; its parts are compared at every `collect`."""

    def frame_of(schema: pl.Schema, group: _Group) -> pl.LazyFrame:
        paths, start, stop = group
        if paths is None:
            return _native_group(scan, schema, start, stop)
        return deferred(partial(_verified, scan, schema, paths, start, stop), schema)

    return _frame_of(scan, frame_of)


def _verified(
    scan: _native.Scan, schema: pl.Schema, paths: list[str], start: int, stop: int, limit: int | None
) -> pl.LazyFrame:
    scan.verify(start, stop, limit=limit)
    return _parquet_group(schema, paths)


def _told(scan: _native.Scan, error: BaseException) -> IoError:
    """The error of a part that Polars could not read."""
    try:
        scan.examine()
    except IoError as found:
        return found
    return IoReadError(
        f"{scan.name}: Polars could not read the parts, and each of them is as it was committed: {error}\n"
        f"hint: read them with `scan_arrow`; Polars {pl.__version__} may have a fault"
    )


def _frame_of(scan: _native.Scan, frame_of: Callable[[pl.Schema, _Group], pl.LazyFrame]) -> pl.LazyFrame:
    schema = pl.Schema(scan)
    frames = [frame_of(schema, group) for group in scan.groups()]
    if not frames:
        return pl.LazyFrame(schema=schema)
    rows = frames[0] if len(frames) == 1 else pl.concat(frames)
    return rows if scan.is_exact else rows.filter(_in_range(*scan.ticks))


def _group(scan: _native.Scan, schema: pl.Schema, group: _Group) -> pl.LazyFrame:
    paths, start, stop = group
    return _native_group(scan, schema, start, stop) if paths is None else _parquet_group(schema, paths)


def _parquet_group(schema: pl.Schema, paths: list[str]) -> pl.LazyFrame:
    return pl.scan_parquet(
        paths, schema=schema, missing_columns="insert", cast_options=_CASTS, hive_partitioning=False, glob=False
    )


def _native_group(scan: _native.Scan, schema: pl.Schema, start: int, stop: int) -> pl.LazyFrame:
    # Not declared pure: early versions of Polars that are supported fail on a shared plan with such a source in it.
    return register_io_source(partial(_source, scan, start, stop), schema=schema)


def _source(
    scan: _native.Scan,
    start: int,
    stop: int,
    with_columns: list[str] | None,
    predicate: pl.Expr | None,
    n_rows: int | None,
    batch_size: int | None,
) -> Iterator[pl.DataFrame]:
    """The source's rows as Polars asks for them: these columns, the first so many rows, of those the ones that match."""
    # Not in the generator: early versions of Polars make a `ComputeError` of what is raised there.
    scan.verify(start, stop, limit=n_rows)
    return _frames(scan.batches(start, stop, columns=with_columns, limit=n_rows), predicate, batch_size)


def _frames(
    batches: Iterator[_native.Batch], predicate: pl.Expr | None, batch_size: int | None
) -> Iterator[pl.DataFrame]:
    for batch in batches:
        rows = pl.DataFrame(batch)
        for chunk in rows.iter_slices(batch_size) if batch_size else (rows,):
            yield chunk if predicate is None else chunk.filter(predicate)


def _in_range(tick_min: int | None, tick_max: int | None) -> pl.Expr:
    tick = pl.col("tick")
    bounds = [tick >= tick_min] if tick_min is not None else []
    return pl.all_horizontal(bounds + ([tick <= tick_max] if tick_max is not None else []))
