"""The costs before the first append: the time of the import, and the size of the wheel."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from sizes import Metrics

__all__ = ["import_times", "wheel_bytes"]

_INSIDE = "import time; begin = time.perf_counter(); import {}; print(1000 * (time.perf_counter() - begin))"


def import_times(module: str, interpreters: int) -> Metrics:
    """Measures ``import module`` in fresh interpreters: the time of the import alone, and of the whole process."""
    # A warm-up: the first import may compile to bytecode, and read from a cold disk.
    _run(_INSIDE.format(module))
    inside, whole, bare = [], [], []
    for _ in range(interpreters):
        bare.append(_run("pass")[0])
        spent, said = _run(_INSIDE.format(module))
        whole.append(spent)
        inside.append(float(said))
    return {
        "import_ms": statistics.median(inside),
        "bare_ms": statistics.median(bare),
        "whole_ms": statistics.median(whole),
        "whole_less_bare_ms": statistics.median(whole) - statistics.median(bare),
    }


def wheel_bytes(directory: Path) -> int | None:
    """Returns the size of the newest wheel in a directory, if there is one."""
    wheels = sorted(directory.glob("crv-*.whl"), key=lambda path: path.stat().st_mtime_ns)
    return wheels[-1].stat().st_size if wheels else None


def _run(code: str) -> tuple[float, str]:
    begin = time.perf_counter()
    finished = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return 1000 * (time.perf_counter() - begin), finished.stdout
