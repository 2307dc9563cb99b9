"""Runs a workload for several peers, each in its own process, turn by turn."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sizes import Metrics, Sizes

__all__ = ["Outcome", "take_turns"]

_ORDER = random.Random(0)
_MEASURE = Path(__file__).with_name("measure.py")


@dataclass(kw_only=True)
class Outcome:
    """The outcome of a workload for a peer."""

    metrics: Metrics = field(default_factory=dict)
    missing: str | None = None
    """Why its package cannot be imported."""
    failed: str | None = None
    """The error that it raised, wrong rows included."""


class _Process:
    """The process of a peer. It is idle between its turns."""

    def __init__(self, workload: str, peer: str, root: Path, sizes: Sizes) -> None:
        command = [sys.executable, str(_MEASURE), workload, peer, str(root / peer), json.dumps(asdict(sizes))]
        self.peer = peer
        self._log = (root / f"{peer}.log").open("w+")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )

    def turn(self) -> Outcome | None:
        """Runs one turn. Returns the outcome after the last turn, else None."""
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("the process has no pipes")
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline() or '{"failed": "ended without an answer"}')
        except BrokenPipeError:
            answer = {"failed": "ended before its turn"}
        if not answer:
            return None
        outcome = Outcome(**answer)
        if outcome.failed is not None:
            self._log.seek(0)
            outcome.failed = "\n".join([outcome.failed, *self._log.read().splitlines()[-5:]])
        return outcome

    def stop(self) -> None:
        """Kills the process."""
        self._process.kill()
        self._process.communicate()
        self._log.close()


def take_turns(workload: str, peers: Sequence[str], directory: Path, sizes: Sizes) -> dict[str, Outcome]:
    """Runs ``workload`` for each of the ``peers``, interleaved, so that slow periods of the machine affect all."""
    root = Path(tempfile.mkdtemp(prefix=f"crv-bench-{workload}-", dir=directory))
    processes: list[_Process] = []
    outcomes: dict[str, Outcome] = {}
    try:
        processes = [_Process(workload, peer, root, sizes) for peer in peers]
        waiting = list(processes)
        while waiting:
            # Shuffled: a peer must not always follow the same other one, and pay for its pending writes.
            _ORDER.shuffle(waiting)
            for process in list(waiting):
                # Pending writes of the previous peer must not be written during the turn of the next.
                os.sync()
                outcome = process.turn()
                if outcome is not None:
                    outcomes[process.peer] = outcome
                    waiting.remove(process)
    finally:
        for process in processes:
            process.stop()
        shutil.rmtree(root, ignore_errors=True)
    return outcomes
