"""`examples/resume.py`: a run that was killed and continued equals one that never was."""

import random
import subprocess
import sys
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from crv.io import Dataset, IoNotFoundError, IoSettings, RunState

EXAMPLE = Path(__file__).parent.parent / "examples" / "resume.py"
TICKS = 1_000
KILLS = 20

# Kills its process at a random moment after the imports, which take most of the time.
KILLED = """
import os, runpy, signal, sys, threading
import crv.io, mesa, polars
crv.io.Dataset
polars.DataFrame({"a": [1]})
timer = threading.Timer(float(sys.argv.pop(1)), lambda: os.kill(os.getpid(), signal.SIGKILL))
timer.daemon = True
timer.start()
sys.argv[0] = sys.argv.pop(1)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def arguments(root: Path) -> list[str]:
    return [str(EXAMPLE), "--root", str(root), "--ticks", str(TICKS), "--agents", "20"]


def tables(root: Path) -> dict[str, pl.DataFrame]:
    run = Dataset(IoSettings(root_dir=str(root)), "wealth")
    assert run.check(deep=True).ok
    info = run.info()
    assert info.state is RunState.SUCCEEDED and info.facts is not None and info.facts.seed == 42
    return {table: run.read(table).drop("bucket") for table in ("agents", "model")}


def test_twenty_kills_leave_the_rows_of_a_run_that_was_never_killed(tmp_path: Path) -> None:
    whole = subprocess.run([sys.executable, *arguments(tmp_path / "whole")], capture_output=True, text=True, check=True)
    assert f"{TICKS + 1} ticks" in whole.stdout
    moments = random.Random(20260101)
    killed = tmp_path / "killed"
    stale = 0
    for _ in range(KILLS):
        after = str(moments.uniform(0.01, 0.12))
        done = subprocess.run([sys.executable, "-c", KILLED, after, *arguments(killed)], capture_output=True, text=True)
        assert done.returncode == -9, f"not killed: {done.stdout}{done.stderr}"
        try:
            stale += Dataset(IoSettings(root_dir=str(killed)), "wealth").info().state is RunState.STALE
        except IoNotFoundError:
            # Killed before the run began.
            pass
    assert stale > KILLS // 2
    last = subprocess.run([sys.executable, *arguments(killed)], capture_output=True, text=True, check=True)
    assert "continued after tick" in last.stdout, last.stdout
    found, expected = tables(killed), tables(tmp_path / "whole")
    for table, rows in expected.items():
        assert_frame_equal(found[table], rows)
        assert rows["tick"].max() == TICKS
