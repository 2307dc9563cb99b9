"""A model that is killed and continued as if nothing had happened: ``python examples/resume.py --help``.

Boltzmann's wealth model, on Mesa: agents give money to each other at random. Each tick appends one row for each agent and
one for the model, in one commit. Every few ticks the commit has a checkpoint as well: the model itself, with the state of
its random numbers. Started again after a kill, the program removes the rows after the newest checkpoint, takes the model
out of it, and goes on. Its run is then equal, row by row, to one that was never killed.
"""

import argparse
import pickle

import mesa
import polars as pl

from crv.io import IoSettings, Run, start_run

CHECKPOINT_EVERY = 5


class Person(mesa.Agent):  # type: ignore[misc]
    """An agent with money."""

    def __init__(self, model: "Wealth") -> None:
        super().__init__(model)
        self.wealth = 1

    def give(self) -> None:
        """Gives one unit to another agent, if there is one to give."""
        if self.wealth > 0:
            other = self.random.choice(self.model.agents)
            self.wealth -= 1
            other.wealth += 1


class Wealth(mesa.Model):  # type: ignore[misc]
    """Agents that trade at random."""

    def __init__(self, agents: int, seed: int) -> None:
        super().__init__(seed=seed)
        Person.create_agents(self, agents)

    def step(self) -> None:
        """Lets every agent give, in random order."""
        self.agents.shuffle_do("give")

    def gini(self) -> float:
        """The Gini coefficient: 0 if all have the same, 1 if one has everything."""
        wealth = sorted(agent.wealth for agent in self.agents)
        total, count = sum(wealth), len(wealth)
        weighted = sum((at + 1) * amount for at, amount in enumerate(wealth))
        return float(2 * weighted / (count * total) - (count + 1) / count)


def record(run: Run, tick: int, model: Wealth) -> None:
    """Records a tick as one commit."""
    agents = list(model.agents)
    with run.transaction() as tx:
        tx.append(
            "agents",
            pl.DataFrame(
                {
                    "tick": [tick] * len(agents),
                    "agent_id": [agent.unique_id for agent in agents],
                    "wealth": [agent.wealth for agent in agents],
                }
            ),
        )
        tx.append("model", [{"tick": tick, "gini": model.gini()}])
        if tick % CHECKPOINT_EVERY == 0:
            tx.checkpoint(pickle.dumps(model), keep=2)


def main() -> None:
    """Runs the model to its last tick, from where it was."""
    parser = argparse.ArgumentParser(description="Record a model that can be killed at any moment, and continued.")
    parser.add_argument("--root", default="out", help="the directory of the runs")
    parser.add_argument("--run", default="wealth", help="the run; started again, it is continued")
    parser.add_argument("--ticks", type=int, default=100)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()

    settings = IoSettings(root_dir=arguments.root)
    params = {"agents": arguments.agents, "ticks": arguments.ticks}
    with start_run(
        settings, arguments.run, params=params, seed=arguments.seed, model=Wealth, if_exists="resume"
    ) as run:
        run.declare("agents", {"agent_id": "i64", "wealth": "i32"}, required=["agent_id", "wealth"])
        run.declare("model", {"gini": "f64"}, required=["gini"])
        checkpoint = run.resume()
        if checkpoint is None:
            tick, model = -1, Wealth(arguments.agents, arguments.seed)
        else:
            tick, model = checkpoint.tick, pickle.loads(checkpoint.state)
            print(f"continued after tick {tick}")
        while tick < arguments.ticks:
            tick += 1
            if tick > 0:
                model.step()
            record(run, tick, model)
    print(f"run `{arguments.run}` is complete: {arguments.ticks + 1} ticks, Gini {model.gini():.3f}")


if __name__ == "__main__":
    main()
