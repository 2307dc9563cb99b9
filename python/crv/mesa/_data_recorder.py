"""`DataRecorder`: the data sets of Mesa 3.5 and later, appended to a run as they are collected."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mesa.experimental.data_collection import BaseDataRecorder

from crv.io._steps import StepTables
from crv.io.dataset import Dataset
from crv.io.errors import IoArgumentError
from crv.mesa._recorder import _snake

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DataRecorder"]


class DataRecorder(BaseDataRecorder):  # type: ignore[misc]
    """Records the data sets of a model's `data_registry` into a run: each snapshot of a data set is one commit.

    A data set ``wolves`` becomes the table ``wolves``, with the column ``tick``, the time of the snapshot, and for those of
    agents ``agent_id``. The rows of a `TableDataSet` are appended once each. Nothing is kept in memory. ``config`` is that of
    Mesa's recorders: which data sets, how often, from when to when; a ``window_size`` is ignored, since a run keeps all.

    Times are whole numbers: a snapshot at a time between two is an error.
    """

    def __init__(
        self,
        model: Any,
        run: Dataset,
        config: Mapping[str, Any] | None = None,
        *,
        types: Mapping[str, Any] | None = None,
    ) -> None:
        self._run = run
        self._steps = StepTables(run, "field", types)
        self._rows: dict[str, int] = {}
        super().__init__(model, config=None if config is None else dict(config))

    def _initialize_dataset_storage(self, dataset_name: str, dataset: Any) -> None:
        self._rows[dataset_name] = 0

    def _store_dataset_snapshot(self, dataset_name: str, time: float, data: Any) -> None:
        if not math.isclose(time, tick := round(time)):
            raise IoArgumentError(
                f"data set `{dataset_name}` was collected at time {time}, which is no tick\n"
                "hint: collect at whole times: an interval that is a whole number"
            )
        dataset = self.registry.datasets[dataset_name]
        rows = self._rows[dataset_name]
        try:
            self._steps.append(tick, {_snake(dataset_name): self._columns(dataset_name, dataset, data, tick)})
        except BaseException:
            self._rows[dataset_name] = rows
            raise

    def _columns(self, name: str, dataset: Any, data: Any, tick: int) -> dict[str, Sequence[Any]]:
        if isinstance(data, Mapping):
            return {"tick": [tick], **{str(key): [value] for key, value in data.items()}}
        if hasattr(data, "dtype"):
            # An array, a row for each agent.
            fields = list(dataset._attributes)
            ids = getattr(dataset, "agent_ids", range(len(data)))
            columns = {field: data[:, place] for place, field in enumerate(fields)}
            return {"tick": [tick] * len(data), "agent_id": list(map(int, ids)), **columns}
        rows = list(data)
        if hasattr(dataset, "rows"):
            # A table keeps its rows: those that are new.
            rows = rows[self._rows[name] :]
            self._rows[name] += len(rows)
        names = dict.fromkeys(key for row in rows for key in row)
        columns = {key: [row.get(key) for row in rows] for key in names}
        if "unique_id" in columns:
            columns = {"agent_id": columns.pop("unique_id"), **columns}
        return columns if "tick" in columns else {"tick": [tick] * len(rows), **columns}

    def clear(self, dataset_name: str | None = None) -> None:
        """Does nothing: what is recorded is in the run, and nothing is kept in memory."""

    def get_table_dataframe(self, name: str) -> "pd.DataFrame":
        """Returns the rows of a data set, as pandas."""
        return self._run.read(_snake(name)).to_pandas()

    def summary(self) -> dict[str, Any]:
        """Returns what was recorded: the rows of each table."""
        info = self._run.info()
        return {"run": str(self._run.run_id), "tables": {table.table: table.rows for table in info.tables}}
