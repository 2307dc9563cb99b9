"""From a scan to Polars frames.

Polars' own Parquet reader gets the pruned list of parts and the table's schema, so that projection and predicate
push-down, streaming and the user's own version of Polars all work. It cannot read parts with lists whose item type was
not known when they were written, or parts that are not files, and it takes long for many small parts. The native scan
reads those, in their place in the order.

Polars does not know the checksums of the parts. The native scan verifies the parts first: in `lazy_frame` at every
`collect`, before Polars plans the read; in `frame` before the read. If Polars fails nevertheless, `frame` verifies
every byte of the parts, to raise an error that names the damaged one.
"""

from collections.abc import Callable, Iterator
from functools import partial

import polars as pl
from polars.exceptions import PanicException
from polars.io.plugins import register_io_source

from crv import _native
from crv.io._polars_plan import deferred, defers_sources
from crv.io.errors import IoError, IoReadError

__all__ = ["frame", "frames", "lazy_frame"]

# Payload fields differ from part to part: a missing field is null, and an integer may have become a float since. The
# table's schema has every field except the placeholder that Parquet needs for a struct without fields: it is ignored.
_CASTS = pl.ScanCastOptions(
    integer_cast=["upcast", "allow-float"], missing_struct_fields="insert", extra_struct_fields="ignore"
)

_Group = tuple[list[str] | None, int, int]
"""Consecutive parts: their paths if Polars is to read them, and their range of places in the scan."""

_AT_ONCE = 8 << 20
"""Parts of up to so many bytes are decoded before their first row is returned, and not verified in a pass before."""


def frame(scan: _native.Scan, limit: int | None) -> pl.DataFrame:
    """Reads the first ``limit`` rows of ``scan``."""
    groups = scan.groups(many=True)
    # A tick of a simulation is often one small part: Polars takes longer to plan the read than the read takes.
    if scan.is_small or all(paths is None for paths, _, _ in groups):
        if limit is not None:
            # The sizes of the parts beyond the limit.
            scan.verify(limit=0)
        batches = [pl.DataFrame(batch) for batch in scan.batches(columns=None, limit=limit)]
        return pl.concat(batches, rechunk=False) if batches else pl.DataFrame(schema=pl.Schema(scan))
    scan.verify(limit=limit)
    rows = _frame_of(scan, groups, partial(_group, scan))
    try:
        return (rows if limit is None else rows.head(limit)).collect()
    except (IoError, MemoryError):
        raise
    # Polars panics on some damage, and its panics are not `Exception`s.
    except (Exception, PanicException) as error:
        raise _told(scan, error) from error


def lazy_frame(scan: _native.Scan) -> pl.LazyFrame:
    """Returns the rows of ``scan``, in its order and with its schema; its parts are verified at every `collect`."""

    def frame_of(schema: pl.Schema, group: _Group) -> pl.LazyFrame:
        paths, start, stop = group
        if paths is None:
            return deferred(partial(_planned, scan, schema, start, stop), schema, is_source=True)
        return deferred(partial(_verified, scan, schema, paths, start, stop), schema)

    return _frame_of(scan, scan.groups(many=defers_sources()), frame_of)


def _verified(
    scan: _native.Scan, schema: pl.Schema, paths: list[str], start: int, stop: int, limit: int | None
) -> pl.LazyFrame:
    scan.verify(start, stop, limit=limit)
    return _parquet_group(schema, paths)


def _planned(scan: _native.Scan, schema: pl.Schema, start: int, stop: int, _limit: int | None) -> pl.LazyFrame:
    # The sizes of all parts; the source compares the contents of those that it reads. Deferred as well, because Polars
    # needs another package to serialize a plan with a Python source.
    scan.verify(start, stop, limit=0)
    return _native_group(scan, schema, start, stop)


def _told(scan: _native.Scan, error: BaseException) -> IoError:
    """Returns the error to raise when Polars could not read a part."""
    try:
        scan.examine()
    except IoError as found:
        return found
    return IoReadError(
        f"{scan.name}: Polars could not read the parts, although none of them is damaged: {error}\n"
        f"hint: read them with `scan_arrow`; Polars {pl.__version__} may have a bug"
    )


def _frame_of(
    scan: _native.Scan, groups: list[_Group], frame_of: Callable[[pl.Schema, _Group], pl.LazyFrame]
) -> pl.LazyFrame:
    schema = pl.Schema(scan)
    frames = [frame_of(schema, group) for group in groups]
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
    # Not declared pure: the earliest supported versions of Polars fail on a shared plan with a pure source.
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
    """Returns the rows that Polars asks for: these columns of the first ``n_rows`` rows, then only those that match."""
    batches = scan.batches(start, stop, columns=with_columns, limit=n_rows)
    # Not in the generator: the earliest supported versions of Polars turn its exceptions into `ComputeError`s.
    if scan.bytes(start, stop) <= _AT_ONCE:
        return frames(iter(list(batches)), predicate, batch_size)
    scan.verify(start, stop, limit=n_rows)
    return frames(batches, predicate, batch_size)


def frames(
    batches: Iterator[_native.Batch], predicate: pl.Expr | None, batch_size: int | None
) -> Iterator[pl.DataFrame]:
    """Returns the rows of ``batches`` that match, in frames of ``batch_size`` rows."""
    for batch in batches:
        rows = pl.DataFrame(batch)
        for chunk in rows.iter_slices(batch_size) if batch_size else (rows,):
            yield chunk if predicate is None else chunk.filter(predicate)


def _in_range(tick_min: int | None, tick_max: int | None) -> pl.Expr:
    tick = pl.col("tick")
    bounds = [tick >= tick_min] if tick_min is not None else []
    return pl.all_horizontal(bounds + ([tick <= tick_max] if tick_max is not None else []))
