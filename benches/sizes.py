"""The sizes of the workloads, and the types of their results."""

from collections.abc import Generator
from dataclasses import dataclass

__all__ = ["BUCKET_SIZE", "Metrics", "Sizes", "Steps", "WrongResultError"]

BUCKET_SIZE = 100
"""Ticks in a bucket, for every peer."""

Metrics = dict[str, float]
"""The figures that one process measured, by name."""

Steps = Generator[None, None, Metrics]
"""A running workload. At each yield, the other peers take their turns."""


class WrongResultError(Exception):
    """A peer returned other rows than were written."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes of the workloads."""

    rounds: int = 3
    """The number of times that everything is measured; figures are the medians."""
    appends: int = 1000
    """The number of appends of one tick each."""
    rows_per_tick: int = 200
    turn: int = 50
    """The number of appends in a turn of a peer."""
    near: int = 100
    """The append whose cost is compared ..."""
    far: int = 3000
    """... with the cost of this one."""
    long: int = 100_000
    """The number of appends of the long run."""
    bulk_rows: int = 2_000_000
    bulk_buckets: int = 100
    bulk_repeats: int = 2
    transactions: int = 100
    """The number of ticks of eight tables."""
    imports: int = 15
    """The number of fresh interpreters per round."""
    part_bytes: int = 4096
    """The bytes that crv writes for one append: its part ..."""
    commit_bytes: int = 512
    """... and its commit file. The bare disk writes the same number."""

    @property
    def bulk_ticks(self) -> int:
        """The number of ticks of the bulk append."""
        return self.bulk_buckets * BUCKET_SIZE

    @property
    def bulk_rows_per_tick(self) -> int:
        """The number of rows of each tick of the bulk append."""
        return max(1, self.bulk_rows // self.bulk_ticks)


QUICK = Sizes(
    rounds=1,
    appends=200,
    turn=25,
    near=40,
    far=400,
    long=1000,
    bulk_rows=200_000,
    bulk_repeats=1,
    transactions=20,
    imports=5,
)
"""Small sizes that show that everything works; too small to compare."""
