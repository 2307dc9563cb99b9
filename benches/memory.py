"""The peak memory of this process from a moment on. Linux only: other systems have no such figure."""

import ctypes
import gc
from contextlib import suppress
from pathlib import Path

__all__ = ["PeakMemory"]

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class PeakMemory:
    """Measures from its creation on. Memory that is resident then, such as the input, does not count."""

    def __init__(self) -> None:
        gc.collect()
        _return_free_memory()
        try:
            # 5 resets the peak to the memory that is resident now; see proc_pid_clear_refs(5).
            _CLEAR.write_text("5")
            self._before = _field("VmRSS")
        except (OSError, ValueError):
            self._before = None

    def above(self) -> float | None:
        """Returns the peak since then, less the memory that was resident, in bytes; None if unknown."""
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
    """Returns free memory of the C library to the system: later allocations from it would not raise the peak."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
