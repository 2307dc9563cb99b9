"""Fixtures of the tests of crv.io: settings with a new root, and a dataset in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from frames import RUN

from crv.io import Dataset, IoSettings


@pytest.fixture
def settings(tmp_path: Path) -> IoSettings:
    """Settings with a root that does not exist yet."""
    return IoSettings(root_dir=str(tmp_path / "out"))


@pytest.fixture
def dataset(settings: IoSettings) -> Iterator[Dataset]:
    """A run without tables."""
    with Dataset(settings, RUN) as dataset:
        yield dataset
