"""From a scan to a Polars LazyFrame.

Polars' own Parquet reader gets the pruned list of parts and the table's schema, so that projection and predicate
push-down, streaming and the user's own version of Polars all work. A few parts it cannot read: those that hold
lists whose item type was not known yet when they were written, and those that are not files. They come from the
native scan, in their place in the order.
"""

from collections.abc import Iterator
from functools import partial

import polars as pl
from polars.io.plugins import register_io_source

from crv import _native

__all__ = ["frame", "lazy_frame"]

# Payload fields differ from part to part: what a part lacks is null. An integer may have become a float since. The
# table's schema has every field there is, but for the one that stands for "no fields" in Parquet: it is left out.
_CASTS = pl.ScanCastOptions(
    integer_cast=["upcast", "allow-float"], missing_struct_fields="insert", extra_struct_fields="ignore"
)


def frame(scan: _native.Scan, limit: int | None) -> pl.DataFrame:
    """The rows of ``scan``, the first ``limit`` of them, now."""
    if scan.is_small:
        # A tick of a simulation is one small part: Polars takes longer to plan its reading than reading it takes.
        return pl.DataFrame(scan if limit is None else scan.select(columns=None, limit=limit))
    rows = lazy_frame(scan)
    return (rows if limit is None else rows.head(limit)).collect()


def lazy_frame(scan: _native.Scan) -> pl.LazyFrame:
    """The rows of ``scan``, in its order and with its schema."""
    schema = pl.Schema(scan)
    frames = [
        _native_group(scan, schema, start, stop) if paths is None else _parquet_group(schema, paths)
        for paths, start, stop in scan.groups()
    ]
    if not frames:
        return pl.LazyFrame(schema=schema)
    rows = frames[0] if len(frames) == 1 else pl.concat(frames)
    return rows if scan.is_exact else rows.filter(_in_range(*scan.ticks))


def _parquet_group(schema: pl.Schema, paths: list[str]) -> pl.LazyFrame:
    return pl.scan_parquet(
        paths, schema=schema, missing_columns="insert", cast_options=_CASTS, hive_partitioning=False, glob=False
    )


def _native_group(scan: _native.Scan, schema: pl.Schema, start: int, stop: int) -> pl.LazyFrame:
    # Not declared pure: early versions of Polars that are supported fail on a shared plan with such a source in it.
    return register_io_source(partial(_batches, scan, start, stop), schema=schema)


def _batches(
    scan: _native.Scan,
    start: int,
    stop: int,
    with_columns: list[str] | None,
    predicate: pl.Expr | None,
    n_rows: int | None,
    batch_size: int | None,
) -> Iterator[pl.DataFrame]:
    """The source's rows as Polars asks for them: these columns, the first so many rows, of those the ones that match."""
    for batch in scan.batches(start, stop, columns=with_columns, limit=n_rows):
        rows = pl.DataFrame(batch)
        for chunk in rows.iter_slices(batch_size) if batch_size else (rows,):
            yield chunk if predicate is None else chunk.filter(predicate)


def _in_range(tick_min: int | None, tick_max: int | None) -> pl.Expr:
    tick = pl.col("tick")
    bounds = [tick >= tick_min] if tick_min is not None else []
    return pl.all_horizontal(bounds + ([tick <= tick_max] if tick_max is not None else []))
