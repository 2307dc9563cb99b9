"""What every test of crv.io starts from: settings of a root of its own, and a dataset there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from frames import RUN

from crv.io import Dataset, IoSettings


@pytest.fixture
def settings(tmp_path: Path) -> IoSettings:
    """Settings of a root that is not there yet."""
    return IoSettings(root_dir=str(tmp_path / "out"))


@pytest.fixture
def dataset(settings: IoSettings) -> Iterator[Dataset]:
    """A run without tables."""
    with Dataset(settings, RUN) as dataset:
        yield dataset
