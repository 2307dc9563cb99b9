"""The catalog, and the `crv` command."""

import subprocess
import sys
from pathlib import Path

from frames import holdings, messages

from crv.core.grammar import TableName
from crv.io import Dataset, IoSettings, list_runs


def test_runs_are_listed_with_their_tables(settings: IoSettings) -> None:
    for run in ("b", "a"):
        with Dataset(settings, run) as dataset:
            dataset.append(TableName.HOLDINGS, holdings(0))
    with Dataset(settings, "b") as dataset:
        dataset.append(TableName.MESSAGES, messages(0))
        assert dataset.tables() == [TableName.MESSAGES, TableName.HOLDINGS]
    Path(settings.root_dir, "runs", "not a run").mkdir()
    Path(settings.root_dir, "runs", "file").write_text("")
    found = list_runs(settings)
    assert [run.run_id for run in found] == ["a", "b"]
    assert set(found[1].tables) == {TableName.HOLDINGS, TableName.MESSAGES}


def test_the_command_is_installed_and_native() -> None:
    command = [sys.executable, "-c", "import sys; from crv.io._cli import main; sys.exit(main())"]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("crv ")
    wrong = subprocess.run([*command, "no-such-verb"], capture_output=True, text=True)
    assert wrong.returncode == 2 and wrong.stdout == "" and "no-such-verb" in wrong.stderr
