"""A sweep over a parameter, on some processes: ``python examples/sweep.py --help``.

Schelling's model of segregation, on Mesa's grid: agents of two kinds move when too few of their neighbours are like them.
Each point of the sweep is a run: its parameters and its seed are among its facts, its ticks are commits. Stopped or killed,
and started again, the program makes only the runs that are missing. At the end it asks one question of all of them.
"""

import argparse
from typing import Any

import mesa
import polars as pl
from mesa.discrete_space import CellAgent, OrthogonalMooreGrid

from crv.io import Catalog, Run, SweepPoint, sweep

SIZE = 12


class Resident(CellAgent):  # type: ignore[misc]
    """An agent that wants neighbours like itself."""

    def __init__(self, model: "Schelling", cell: Any, kind: int) -> None:
        super().__init__(model)
        self.cell, self.kind = cell, kind

    def is_happy(self) -> bool:
        """Whether enough neighbours are of its kind."""
        neighbours = [agent for cell in self.cell.neighborhood for agent in cell.agents if agent is not self]
        alike = sum(agent.kind == self.kind for agent in neighbours)
        return not neighbours or alike / len(neighbours) >= self.model.homophily

    def step(self) -> None:
        """Moves to a free cell if it is not happy."""
        if not self.is_happy():
            self.cell = self.model.grid.select_random_empty_cell()


class Schelling(mesa.Model):  # type: ignore[misc]
    """Two kinds of agents on a torus."""

    def __init__(self, density: float, homophily: float, seed: int) -> None:
        super().__init__(seed=seed)
        self.homophily = homophily
        self.grid = OrthogonalMooreGrid((SIZE, SIZE), torus=True, random=self.random)
        for cell in self.grid.all_cells:
            if self.random.random() < density:
                Resident(self, cell, self.random.randrange(2))

    def step(self) -> None:
        """Lets every agent decide, in random order."""
        self.agents.shuffle_do("step")


def simulate(run: Run, point: SweepPoint) -> None:
    """Makes one run: one commit a tick."""
    model = Schelling(**point.params, seed=point.seed)
    for tick in range(10):
        happy = [agent.is_happy() for agent in model.agents]
        run.append("model", {"tick": [tick], "happy": [sum(happy)], "agents": [len(happy)]}, declare=True)
        model.step()


def main() -> None:
    """Makes what is missing of the sweep, and shows the share of happy agents by parameter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default="out", help="the directory of the runs [default: out]")
    parser.add_argument("--workers", type=int, default=2, help="processes [default: 2]")
    parser.add_argument("--replications", type=int, default=3, help="runs for each point [default: 3]")
    arguments = parser.parse_args()

    grid = {"density": [0.7, 0.9], "homophily": [0.3, 0.5, 0.7]}
    plan = sweep("schelling", grid, replications=arguments.replications, seed=7, root=arguments.root)
    print(f"{len(plan.pending())} of {len(plan)} runs are missing")
    report = plan.run(simulate, workers=arguments.workers)
    for run_id, why in report.failed.items():
        print(f"{run_id} failed: {why}")

    last = Catalog(arguments.root).scan("model", 'sweep = "schelling"', params=["density", "homophily"])
    happy = last.filter(pl.col("tick") == 9).group_by("density", "homophily").agg(
        runs=pl.len(), happy=(pl.col("happy") / pl.col("agents")).mean().round(3)
    )
    print(happy.sort("density", "homophily").collect())


if __name__ == "__main__":
    main()
