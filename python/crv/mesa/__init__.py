"""Mesa: what a model's `DataCollector` collects becomes a run, step by step.

`record` and `Recorder` write while the model runs; `batch_run` runs a model over a parameter space. Mesa 3.0 and later. With
Mesa 3.5 and later, `DataRecorder` does so for its data sets.

>>> import mesa, tempfile
>>> class Walk(mesa.Model):
...     def __init__(self, seed=None):
...         super().__init__(seed=seed)
...         self.x = 0.0
...         self.datacollector = mesa.DataCollector(model_reporters={"x": "x"})
...     def step(self):
...         self.x += self.random.gauss(0, 1)
...         self.datacollector.collect(self)
>>> model = Walk(seed=7)
>>> with record(model, root=tempfile.mkdtemp()) as run:
...     for _ in range(3):
...         model.step()
>>> run.read("model")["tick"].to_list()
[1, 2, 3]
"""

from typing import TYPE_CHECKING

from crv.mesa._batch import batch_run
from crv.mesa._recorder import Recorder, record

if TYPE_CHECKING:
    from crv.mesa._data_recorder import DataRecorder as DataRecorder

# Without `DataRecorder`, which not every Mesa can have.
__all__ = ["Recorder", "batch_run", "record"]


def __getattr__(name: str) -> object:
    # Only when it is asked for: it needs a Mesa that has data sets, and imports it.
    if name == "DataRecorder":
        from crv.mesa._data_recorder import DataRecorder

        return DataRecorder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
