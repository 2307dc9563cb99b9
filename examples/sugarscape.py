"""Records a third-party model: Sugarscape with trade, as Mesa ships it.

Each step becomes one commit over four tables. Then the run is read back, compared with the data of the model's own
DataCollector, and drawn. README.md beside this file explains how to run it.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

from crv.io import Dataset, IoError, IoSettings, start_run
from mesa.examples.advanced.sugarscape_g1mt.model import SugarscapeG1mt
from sugarscape_parts.check import mismatches
from sugarscape_parts.picture import draw
from sugarscape_parts.record import record_step


def arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description="Record Mesa's Sugarscape with trade, check the run and draw it.")
    parser.add_argument("--steps", type=_positive, default=100, help="steps to simulate (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the model (default: %(default)s)")
    parser.add_argument("--root", default="out", help="root of all runs (default: %(default)s)")
    parser.add_argument("--run", help="run id (default: sugarscape-<seed>)")
    parser.add_argument("--picture", type=Path, help="PNG to draw (default: <root>/<run>.png)")
    chosen = parser.parse_args()
    chosen.run = chosen.run or f"sugarscape-{chosen.seed}"
    chosen.picture = chosen.picture or Path(chosen.root) / f"{chosen.run}.png"
    return chosen


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of steps: it must be at least 1")
    return number


def simulate(dataset: Dataset, steps: int, seed: int) -> tuple[SugarscapeG1mt, float]:
    """Runs the model and records it from its initial state on. Also returns the seconds that recording took."""
    model = SugarscapeG1mt(seed=seed)
    spent = _timed_record(dataset, model)
    for _ in range(steps):
        with warnings.catch_warnings():
            # In a step without trades, the model takes the mean of no prices.
            warnings.simplefilter("ignore", RuntimeWarning)
            model.step()
        spent += _timed_record(dataset, model)
    return model, spent


def _timed_record(dataset: Dataset, model: SugarscapeG1mt) -> float:
    began = time.perf_counter()
    record_step(dataset, model)
    return time.perf_counter() - began


def main() -> int:
    """Simulates, records, checks and draws. Returns 0 if the run equals the data of the model."""
    chosen = arguments()
    try:
        settings, params = IoSettings(root_dir=chosen.root), {"steps": chosen.steps}
        with start_run(settings, chosen.run, params=params, seed=chosen.seed, model=SugarscapeG1mt) as dataset:
            began = time.perf_counter()
            model, recording = simulate(dataset, chosen.steps, chosen.seed)
            total = time.perf_counter() - began
            if found := mismatches(dataset, model):
                print(
                    f"error: run `{chosen.run}` differs from the data of the model",
                    *found[:10],
                    sep="\n  ",
                    file=sys.stderr,
                )
                print(f"  {len(found)} differences in all", file=sys.stderr)
                return 1
            draw(dataset, chosen.picture)
    except IoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    kept = model.datacollector.get_model_vars_dataframe()
    print(f"steps: {chosen.steps}, traders left: {len(model.agents)}, trades: {kept['Trade Volume'].sum()}")
    print(f"time: {total:.2f} s, {recording:.2f} s of it recording")
    print("check: the run equals the data of the model's DataCollector")
    print(f"run: {Path(chosen.root) / 'runs' / chosen.run}")
    print(f"picture: {chosen.picture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
