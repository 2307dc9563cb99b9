"""Appends four rows to one table of a run, and reads them back: python quickstart.py [ROOT]."""

import sys

import polars as pl
from crv.core.grammar import TableName
from crv.io import Dataset, IoSettings

settings = IoSettings(root_dir=sys.argv[1] if len(sys.argv) > 1 else "out", tick_bucket_size=100)

# Leaving the block closes the dataset, which brings manifest.json up to date.
with Dataset(settings, run_id="20250101-000000") as ds:
    df = pl.DataFrame(
        {
            "tick": [0, 1, 2, 101],
            "observer_agent_id": ["A0", "A1", "A2", "A0"],
            "edge_kind": ["self_to_object"] * 4,
            "edge_weight": [0.0, 0.1, 0.2, 0.3],
        }
    )

    # When this returns, all rows are on disk, in one commit. After an error, none are.
    summary = ds.append(TableName.IDENTITY_EDGES, df)
    print(f"appended {summary['rows']} rows to buckets {summary['buckets']}")
    for part in summary["parts"]:
        print(f"  bucket {part['bucket_id']}: ticks {part['tick_min']} to {part['tick_max']} in {part['path']}")

    # A scan is lazy. Buckets and parts outside the range of ticks are never opened.
    early = ds.scan(TableName.IDENTITY_EDGES, where={"tick_min": 1, "tick_max": 2})
    mean = early.select(pl.col("edge_weight").mean()).collect().item()
    print(f"mean weight in ticks 1 to 2: {mean:.2f}")

    # A frame has all columns of the table, in their order. Columns that were never written are null.
    print(ds.read(TableName.IDENTITY_EDGES, where={"tick_min": 100}))

    # The manifest has the totals: no part is opened.
    manifest = ds.manifest(TableName.IDENTITY_EDGES)
    for name, partition in sorted(manifest.partitions.items()):
        ticks = f"ticks {partition.tick_min} to {partition.tick_max}"
        print(f"bucket {name}: {partition.row_count} rows, {ticks}, {len(partition.parts)} part(s)")
