"""The environment of a benchmark: versions, file system, load."""

import os
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["file_system", "load", "versions"]

_MOUNTS = Path("/proc/self/mountinfo")


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Returns the versions of Python and of these packages."""
    found = {"python": sys.version.split()[0]}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def file_system(directory: Path) -> str:
    """Returns the type of the file system of a directory, such as ``ext4``; ``unknown`` on other systems than Linux."""
    device = directory.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = _MOUNTS.read_text().splitlines()
    except OSError:
        return "unknown"
    for mount in mounts:
        # See proc_pid_mountinfo(5): the device is the third field, the type follows a separate hyphen.
        before, _, after = mount.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return "unknown"


def load() -> float:
    """Returns the load average of the last minute, per processor."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)
