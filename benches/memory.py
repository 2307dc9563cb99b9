"""The peak memory of this process, from a moment on. Linux only: elsewhere there is no such figure."""

import ctypes
import gc
from contextlib import suppress
from pathlib import Path

__all__ = ["PeakMemory"]

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class PeakMemory:
    """Begins to watch when it is made. What is resident then - the input above all - does not count."""

    def __init__(self) -> None:
        gc.collect()
        _return_free_memory()
        try:
            # 5 sets the peak back to what is resident now; see proc_pid_clear_refs(5).
            _CLEAR.write_text("5")
            self._before = _field("VmRSS")
        except (OSError, ValueError):
            self._before = None

    def above(self) -> float | None:
        """The peak since then beyond what was resident, in bytes."""
        if self._before is None:
            return None
        peak = _field("VmHWM")
        return None if peak is None else float(max(0, peak - self._before))


def _field(name: str) -> int | None:
    for line in _STATUS.read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    return None


def _return_free_memory() -> None:
    """Gives back what the C library keeps for later, which would hide as much of the peak."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
