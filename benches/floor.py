"""The bare disk: what one durable, atomic append costs at the least, whatever is written.

The same system calls as crv's append of one part, with bytes that are there already: no rows, no encoding, no
validation. What crv takes beyond it is crv's own.
"""

import os
import time
from pathlib import Path

from sizes import Sizes

__all__ = ["Floor"]


class Floor:
    """Appends of ready-made bytes: a part moved into place, then a commit that nobody can have taken before."""

    def __init__(self, root: Path, sizes: Sizes) -> None:
        self._parts = root / "parts"
        self._commits = root / "commits"
        for directory in (self._parts, self._commits):
            directory.mkdir(parents=True)
        # Bytes that a file system cannot make less of.
        self._part = os.urandom(sizes.part_bytes)
        self._commit = os.urandom(sizes.commit_bytes)
        self._number = 0
        self.file_times: list[float] = []
        """Milliseconds for writing, syncing and moving a part, as the hand-written adapter does."""
        self.name_times: list[float] = []
        """... for syncing the directory that the part was moved into."""
        self.commit_times: list[float] = []
        """... for publishing a commit: written, synced, linked, and its directory synced."""

    def append(self) -> None:
        """One append."""
        self._number += 1
        begin = time.perf_counter()
        temporary = self._parts / f"{self._number}.tmp"
        _write(temporary, self._part)
        temporary.rename(self._parts / f"{self._number}.part")
        moved = time.perf_counter()
        _sync_directory(self._parts)
        named = time.perf_counter()
        temporary = self._commits / f"{self._number}.tmp"
        _write(temporary, self._commit)
        os.link(temporary, self._commits / f"{self._number}.json")
        temporary.unlink()
        _sync_directory(self._commits)
        self.file_times.append(1000 * (moved - begin))
        self.name_times.append(1000 * (named - moved))
        self.commit_times.append(1000 * (time.perf_counter() - named))


def _write(path: Path, content: bytes) -> None:
    with path.open("xb", buffering=0) as file:
        file.write(content)
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
