"""How much is measured, and what a workload may tell of it."""

from collections.abc import Generator
from dataclasses import dataclass

__all__ = ["BUCKET_SIZE", "Metrics", "Sizes", "Steps", "WrongResultError"]

BUCKET_SIZE = 100
"""Ticks in a bucket, for every peer."""

Metrics = dict[str, float]
"""What one process measured, by name."""

Steps = Generator[None, None, Metrics]
"""A workload. Where it yields, the other peers take their turns."""


class WrongResultError(Exception):
    """A peer gave back other rows than it was given."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much each workload does."""

    rounds: int = 3
    """Times that everything is measured; figures are the medians."""
    appends: int = 1000
    """Appends of one tick each."""
    rows_per_tick: int = 200
    turn: int = 50
    """Appends of one peer before the next has its turn."""
    near: int = 100
    """The append whose cost is compared ..."""
    far: int = 3000
    """... with the cost of this one."""
    long: int = 100_000
    """Appends of the long run."""
    bulk_rows: int = 2_000_000
    bulk_buckets: int = 100
    bulk_repeats: int = 2
    transactions: int = 100
    """Ticks written to eight tables each."""
    imports: int = 15
    """Fresh interpreters per round."""
    part_bytes: int = 4096
    """What crv writes for one append: its part ..."""
    commit_bytes: int = 512
    """... and its commit file. The bare disk writes as much."""

    @property
    def bulk_ticks(self) -> int:
        """Ticks of the bulk append."""
        return self.bulk_buckets * BUCKET_SIZE

    @property
    def bulk_rows_per_tick(self) -> int:
        """Rows of each tick of the bulk append."""
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
"""Enough to see that everything works, not to compare."""
