"""What it takes to record three models: in tables of their own, bent into the canonical ones, and with write_parquet.

The models: Boltzmann's wealth (1,000 agents), an SIR epidemic (10,000 agents), and a society of 20 language models. Each
is recorded tick by tick, and the time per tick is the median over the ticks. The rows are made before the clock starts.
Glue is the code that turns the rows of the model into rows of the store: the lines of the functions below, without
their signature.

    python benches/models.py [--ticks 200] [--root DIR]
"""

import argparse
import inspect
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crv.io import Dataset, IoSettings, presets

Tick = dict[str, Any]


def wealth(ticks: int, seed: int) -> list[Tick]:
    """1,000 agents give money to each other."""
    random = np.random.default_rng(seed)
    money = np.ones(1_000)
    ids = np.arange(1_000)
    made = []
    for tick in range(ticks):
        for giver, taker in random.integers(0, 1_000, (1_000, 2)):
            if money[giver] > 0:
                money[giver], money[taker] = money[giver] - 1, money[taker] + 1
        order = np.sort(money)
        gini = 2 * np.sum(np.arange(1, 1_001) * order) / (1_000 * order.sum()) - 1_001 / 1_000
        made.append({"tick": tick, "ids": ids, "wealth": money.copy(), "gini": gini})
    return made


def sir(ticks: int, seed: int) -> list[Tick]:
    """An epidemic among 10,000 agents that walk at random."""
    random = np.random.default_rng(seed)
    at = random.random((10_000, 2)).astype(np.float32)
    state = np.where(random.random(10_000) < 0.01, "I", "S")
    ids = np.arange(10_000)
    made = []
    for tick in range(ticks):
        at = (at + random.normal(0, 0.01, at.shape).astype(np.float32)) % 1
        rate = 0.3 * np.mean(state == "I")
        draws = random.random(10_000)
        state = np.where((state == "S") & (draws < rate), "I", np.where((state == "I") & (draws < 0.1), "R", state))
        made.append({"tick": tick, "ids": ids, "at": at, "state": state.copy()})
    return made


def society(ticks: int, seed: int) -> list[Tick]:
    """20 agents that each call a language model once a tick."""
    random = np.random.default_rng(seed)
    made = []
    for tick in range(ticks):
        calls = [
            {
                "tick": tick,
                "agent_id": f"A{agent}",
                "model": "m-1",
                "prompt": f"agent {agent} at tick {tick}: " + "what do you do? " * 40,
                "response": "I wait. " * int(random.integers(5, 60)),
                "tokens_in": 400,
                "tokens_out": int(random.integers(10, 200)),
                "cost": float(random.random() / 100),
                "latency_ms": float(random.random() * 900),
            }
            for agent in range(20)
        ]
        made.append({"tick": tick, "calls": calls})
    return made


def wealth_declared(run: Dataset, now: Tick) -> None:
    with run.transaction() as tx:
        tx.append("agents", {"tick": np.full(1_000, now["tick"]), "agent_id": now["ids"], "wealth": now["wealth"]})
        tx.append("model", {"tick": [now["tick"]], "gini": [now["gini"]]})


def wealth_bent(run: Dataset, now: Tick) -> None:
    names = now["ids"].astype(str)
    with run.transaction() as tx:
        tx.append(
            "identity_edges",
            {
                "tick": np.full(1_000, now["tick"]),
                "observer_agent_id": names,
                "edge_kind": np.full(1_000, "self_to_object"),
                "edge_weight": now["wealth"],
                "subject_id": names,
                "object_id": np.full(1_000, "wealth"),
            },
        )
        gini = {"tick": [now["tick"]], "observer_agent_id": ["model"], "edge_kind": ["self_to_object"]}
        gini |= {"edge_weight": [now["gini"]], "subject_id": ["model"], "object_id": ["gini"]}
        tx.append("identity_edges", gini)


def wealth_raw(root: Path, now: Tick) -> None:
    agents = pl.DataFrame({"tick": np.full(1_000, now["tick"]), "agent_id": now["ids"], "wealth": now["wealth"]})
    agents.write_parquet(root / f"agents-{now['tick']}.parquet")
    pl.DataFrame({"tick": [now["tick"]], "gini": [now["gini"]]}).write_parquet(root / f"model-{now['tick']}.parquet")


def sir_declared(run: Dataset, now: Tick) -> None:
    x, y = now["at"].T
    run.append("agents", {"tick": np.full(10_000, now["tick"]), "agent_id": now["ids"], "x": x, "y": y, "state": now["state"]})


def sir_bent(run: Dataset, now: Tick) -> None:
    x, y = now["at"].T
    names = now["ids"].astype(str)
    columns = {"tick": np.full(10_000, now["tick"]), "observer_agent_id": names, "subject_id": names}
    with run.transaction() as tx:
        for what, values in (("x", x), ("y", y), ("state", np.searchsorted(["I", "R", "S"], now["state"]))):
            tx.append(
                "identity_edges",
                columns
                | {
                    "edge_kind": np.full(10_000, "self_to_object"),
                    "edge_weight": values.astype(float),
                    "object_id": np.full(10_000, what),
                },
            )


def sir_raw(root: Path, now: Tick) -> None:
    x, y = now["at"].T
    columns = {"tick": np.full(10_000, now["tick"]), "agent_id": now["ids"], "x": x, "y": y, "state": now["state"]}
    pl.DataFrame(columns).write_parquet(root / f"agents-{now['tick']}.parquet")


def society_declared(run: Dataset, now: Tick) -> None:
    run.append("llm_calls", now["calls"])


def society_bent(run: Dataset, now: Tick) -> None:
    rows = [
        {
            "tick": call["tick"],
            "agent_id": call["agent_id"],
            "engine": call["model"],
            "signature_id": "none",
            "persona_id": "none",
            "persona_hash": "none",
            "representation_hash": "none",
            "context_hash": "none",
            "value_json": call["response"],
            "latency_ms": round(call["latency_ms"]),
            "cache_hit": 0,
            "n_tool_calls": 0,
            "tool_seq": {key: call[key] for key in ("prompt", "tokens_in", "tokens_out", "cost")},
        }
        for call in now["calls"]
    ]
    run.append("oracle_calls", rows)


def society_raw(root: Path, now: Tick) -> None:
    pl.DataFrame(now["calls"]).write_parquet(root / f"calls-{now['tick']}.parquet")


def declare(run: Dataset, model: str) -> None:
    """Declares the tables of a model."""
    if model == "wealth":
        run.declare("agents", {"agent_id": "i64", "wealth": "f64"}, required=["agent_id"])
        run.declare("model", {"gini": "f64"})
    elif model == "sir":
        run.declare("agents", {"agent_id": "i64", "x": "f32", "y": "f32", "state": "str"}, required=["agent_id"])
    else:
        run.declare(presets.LLM_CALLS)


def timed(record: Callable[[Any, Tick], None], into: Any, ticks: list[Tick]) -> float:
    """Returns the median time of a tick in milliseconds."""
    times = []
    for now in ticks:
        begin = time.perf_counter()
        record(into, now)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1_000


def main() -> None:
    """Records every model in every way, in turns, and prints lines of glue, time and bytes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ticks", type=int, default=200)
    parser.add_argument("--root", default=None, help="a directory on the disk to measure (default: a temporary one)")
    arguments = parser.parse_args()
    print(f"{'model':8} {'recorded as':14} {'glue, lines':>11} {'ms a tick':>10} {'bytes a tick':>12}")
    for model, make in (("wealth", wealth), ("sir", sir), ("society", society)):
        ticks = make(arguments.ticks, seed=7)
        for way in ("declared", "bent", "raw"):
            record = globals()[f"{model}_{way}"]
            with tempfile.TemporaryDirectory(dir=arguments.root) as root:
                if way == "raw":
                    spent = timed(record, Path(root), ticks)
                else:
                    with Dataset(IoSettings(root_dir=root), run_id=model) as run:
                        if way == "declared":
                            declare(run, model)
                        spent = timed(record, run, ticks)
                files = (Path(at) / name for at, _, names in os.walk(root) for name in names if name.endswith(".parquet"))
                size = sum(file.stat().st_size for file in files) // arguments.ticks
            glue = len(inspect.getsource(record).strip().splitlines()) - 1
            name = "write_parquet" if way == "raw" else way
            print(f"{model:8} {name:14} {glue:11} {spent:10.2f} {size:12,}")


if __name__ == "__main__":
    main()
