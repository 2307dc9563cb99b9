"""Arrays in and out: rows of NumPy arrays, frames of pandas, datasets of xarray."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crv.io.errors import IoArgumentError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["recorded", "to_pandas", "to_xarray"]


def recorded(columns: Mapping[str, Any], tick: int) -> dict[str, Any]:
    """Returns the columns of one tick's rows: see `Dataset.record`."""
    if "tick" in columns:
        raise IoArgumentError("the tick is an argument of its own\nhint: leave `tick` out of the columns")
    found = {name: _column(values) for name, values in columns.items()}
    lengths = {name: len(values) for name, values in found.items() if values is not None}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"`{name}` has {length}" for name, length in lengths.items())
        raise IoArgumentError(f"the arrays differ in length: {told}\nhint: pass one value for each agent")
    rows = next(iter(lengths.values()), 1)
    frame: dict[str, Any] = {"tick": [tick] * rows}
    if lengths and "agent_id" not in columns:
        frame["agent_id"] = list(range(rows))
    for name, values in found.items():
        frame[name] = [columns[name]] * rows if values is None else values
    return frame


def _column(values: Any) -> Any:
    """Returns the values of a column, a list for each row of a two-dimensional array; None for a single value."""
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__len__") or getattr(values, "ndim", 1) == 0:
        return None
    return values.tolist() if getattr(values, "ndim", 1) > 1 else values


def to_pandas(frame: "pl.DataFrame") -> Any:
    """Returns a frame as one of pandas."""
    try:
        return frame.to_pandas()
    except ModuleNotFoundError as error:
        raise IoArgumentError("pandas and pyarrow are needed for this\nhint: pip install pandas pyarrow") from error


def to_xarray(
    frame: "pl.DataFrame", dims: Sequence[str], columns: Sequence[str] | None, params: Sequence[str]
) -> Any:
    """Returns the rows of many runs as a dataset of xarray: see `Catalog.to_xarray`."""
    try:
        import xarray
    except ImportError as error:
        raise IoArgumentError("xarray is needed for this\nhint: pip install xarray") from error
    import numpy as np

    dims = [dims] if isinstance(dims, str) else list(dims)
    if not dims:
        raise IoArgumentError("an array has at least one dimension\nhint: dims=(\"run_id\", \"tick\", \"agent_id\")")
    for name in (*dims, *(columns or ())):
        if name not in frame.columns:
            known = ", ".join(frame.columns)
            raise IoArgumentError(f"there is no column `{name}`\nhint: the columns are {known}")
    if frame.select(dims).is_duplicated().any():
        first = frame.filter(frame.select(dims).is_duplicated()).select(dims).row(0, named=True)
        at = ", ".join(f"{name} {value}" for name, value in first.items())
        raise IoArgumentError(f"two rows are at one place: {at}\nhint: add a dimension that tells them apart")
    coordinates = {name: frame[name].unique().sort() for name in dims}
    places = tuple(coordinates[name].search_sorted(frame[name]).to_numpy() for name in dims)
    shape = tuple(len(values) for values in coordinates.values())
    wanted = columns or [name for name in frame.columns if name not in (*dims, *params)]
    data = {}
    for name in wanted:
        values = frame[name]
        if values.dtype.is_numeric() and len(values) < np.prod(shape) or values.null_count():
            # Places without a row have no number: NaN, or None.
            numeric = values.dtype.is_numeric()
            array: Any = np.full(shape, np.nan if numeric else None, dtype=float if numeric else object)
            array[places] = values.cast(float).to_numpy() if numeric else np.array(values.to_list(), dtype=object)
        elif len(values) < np.prod(shape) or not values.dtype.is_numeric():
            array = np.full(shape, None, dtype=object)
            flat = np.empty(len(values), dtype=object)
            flat[:] = values.to_list()
            array[places] = flat
        else:
            array = np.empty(shape, dtype=values.to_numpy().dtype)
            array[places] = values.to_numpy()
        data[name] = (tuple(dims), array)
    coords: dict[str, Any] = {name: values.to_list() for name, values in coordinates.items()}
    if "run_id" in dims:
        for name in params:
            by_run = frame.select("run_id", name).unique("run_id").sort("run_id")
            coords[name] = ("run_id", by_run[name].to_list())
    return xarray.Dataset(data, coords=coords)
