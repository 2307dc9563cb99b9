"""The bare disk: the minimal cost of a durable, atomic append.

It makes the same system calls as crv's append of one part, with ready-made bytes: no rows, no encoding, no validation.
The additional time of crv is its own.
"""

import os
import time
from pathlib import Path

from sizes import Sizes

__all__ = ["Floor"]


class Floor:
    """Appends of ready-made bytes: a part is renamed into place, then a commit is put if absent."""

    def __init__(self, root: Path, sizes: Sizes) -> None:
        self._parts = root / "parts"
        self._commits = root / "commits"
        for directory in (self._parts, self._commits):
            directory.mkdir(parents=True)
        # Random bytes, which no file system can compress.
        self._part = os.urandom(sizes.part_bytes)
        self._commit = os.urandom(sizes.commit_bytes)
        self._number = 0
        self.file_times: list[float] = []
        """Milliseconds to write, sync and rename a part, as the hand-written adapter does."""
        self.name_times: list[float] = []
        """... to sync the directory of the part."""
        self.commit_times: list[float] = []
        """... to publish a commit: write, sync and link it, and sync its directory."""

    def append(self) -> None:
        """Makes one append."""
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
