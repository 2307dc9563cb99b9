"""`sweep`: points, seeds, what is pending, and runs that fail, die and are killed."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from crv.io import Catalog, IoArgumentError, IoSettings, Run, SweepPoint, start_run, sweep

GRID = {"beta": [0.1, 0.2, 0.3], "size": 5}


def simulate(run: Run, point: SweepPoint) -> None:
    """A simulation of a module, as workers import it."""
    if point.params["beta"] == 0.2:
        raise ValueError("beta is 0.2")
    if point.params["beta"] == 0.3 and "die" in point.run_id:
        os.kill(os.getpid(), signal.SIGKILL)
    for tick in range(3):
        run.append("state", {"tick": [tick], "x": [point.params["beta"] * tick]}, declare=True)


def test_points_have_ids_and_seeds_that_follow_from_their_parameters(settings: IoSettings) -> None:
    small = sweep("s", GRID, replications=2, seed=3, root=settings)
    assert [(point.params, point.replication) for point in small][:3] == [
        ({"beta": 0.1, "size": 5}, 0),
        ({"beta": 0.1, "size": 5}, 1),
        ({"beta": 0.2, "size": 5}, 0),
    ]
    assert len({point.run_id for point in small}) == len({point.seed for point in small}) == len(small) == 6
    # In another order, beside others, and as a list of points, they are the same.
    larger = sweep("s", {"size": [4, 5], "beta": [0.3, 0.1, 0.2]}, replications=3, seed=3, root=settings)
    known = {point.run_id: point.seed for point in larger}
    assert all(known[point.run_id] == point.seed for point in small)
    listed = sweep("s", [{"beta": 0.2, "size": 5}], seed=3, root=settings)
    assert listed.points[0] == small.points[2]
    assert sweep("s", GRID, seed=4, root=settings).points[0].seed != small.points[0].seed
    assert sweep("s", {"beta": range(2)}, root=settings).points[1].params == {"beta": 1}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"space": [{"beta": 1}, {"beta": 1}]}, "has the point {'beta': 1} twice"),
        ({"space": {"beta": []}}, "no values"),
        ({"space": [3]}, "a dict of parameters, not int"),
        ({"space": {"beta": [object()]}}, "is not JSON"),
        ({"space": GRID, "replications": 0}, "at least 1 replication"),
    ],
)
def test_bad_spaces_are_refused(settings: IoSettings, arguments: dict[str, object], text: str) -> None:
    with pytest.raises(IoArgumentError, match=text):
        sweep("s", root=settings, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_fails_does_not_stop_the_others(settings: IoSettings, workers: int) -> None:
    plan = sweep("s", GRID, root=settings)
    assert len(plan.pending()) == 3
    report = plan.run(simulate, workers=workers)
    failed = plan.points[1].run_id
    assert set(report.succeeded) == {plan.points[0].run_id, plan.points[2].run_id}
    assert report.failed == {failed: "ValueError: beta is 0.2"} and report.skipped == ()
    frame = Catalog(settings).runs('sweep = "s"', columns=["run_id", "state", "beta", "seed"])
    assert dict(frame.select("run_id", "seed").rows()) == {point.run_id: point.seed for point in plan}
    assert frame.filter(frame["state"] == "failed")["run_id"].to_list() == [failed]
    # Started again, it makes only what is missing.
    assert [point.run_id for point in plan.pending()] == [failed]
    again = plan.run(simulate, workers=workers)
    assert again.succeeded == () and set(again.failed) == {failed} and len(again.skipped) == 2


def test_a_worker_that_dies_takes_no_other_run_with_it(settings: IoSettings) -> None:
    plan = sweep("die", {"beta": [0.1, 0.3, 0.4, 0.5, 0.6]}, root=settings)
    report = plan.run(simulate, workers=2)
    assert report.failed == {plan.points[1].run_id: "its process died"}
    assert len(report.succeeded) == 4
    assert Catalog(settings).scan("state").collect().height == 12


def test_a_run_of_another_process_is_left_to_it(settings: IoSettings) -> None:
    plan = sweep("s", {"beta": [0.1, 0.4]}, root=settings)
    with start_run(settings, plan.points[0].run_id, params=plan.points[0].params):
        assert [point.run_id for point in plan.pending()] == [plan.points[1].run_id]
        report = plan.run(simulate, workers=0)
    assert report.skipped == (plan.points[0].run_id,) and report.succeeded == (plan.points[1].run_id,)


def test_what_another_seed_or_damage_would_lose_is_kept(settings: IoSettings) -> None:
    plan = sweep("s", {"beta": [0.1, 0.4]}, seed=1, root=settings)
    plan.run(simulate, workers=0)
    with pytest.raises(IoArgumentError, match="was made with seed"):
        sweep("s", {"beta": [0.1, 0.4]}, seed=2, root=settings).run(simulate, workers=0)
    manifest = Path(settings.root_dir, "runs", plan.points[0].run_id, "tables", "state", "manifest.json")
    whole = manifest.read_bytes()
    manifest.write_bytes(b"{")
    report = plan.run(simulate, workers=0)
    assert "is damaged" in report.failed[plan.points[0].run_id]
    manifest.write_bytes(whole)
    assert Catalog(settings).scan("state").collect().height == 6


def test_a_sweep_that_is_killed_twice_is_finished_by_a_third_start(tmp_path: Path) -> None:
    script = tmp_path / "model.py"
    script.write_text(
        textwrap.dedent("""
        import time
        from crv.io import sweep

        def simulate(run, point):
            for tick in range(5):
                run.append("state", {"tick": [tick], "x": [point.params["beta"]]}, declare=True)
                time.sleep(0.02)

        if __name__ == "__main__":
            report = sweep("k", {"beta": list(range(8))}, root="out").run(simulate, workers=2)
            print(len(report.succeeded), len(report.skipped), len(report.failed))
        """)
    )
    runs = Catalog(IoSettings(root_dir=str(tmp_path / "out")))

    def done() -> int:
        found = (tmp_path / "out" / "runs").exists()
        return runs.runs('state = "succeeded"').height if found else 0

    for wanted in (1, 3):
        process = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path, start_new_session=True)
        while done() < wanted:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    left = 8 - done()
    last = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert last.stdout.split() == [str(left), str(8 - left), "0"]
    frame = runs.scan("state", params=["beta"]).collect()
    assert frame.height == 40
    assert frame.group_by("run_id").len()["len"].to_list() == [5] * 8
