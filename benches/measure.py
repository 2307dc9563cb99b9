"""One process of the benchmark: a workload for one peer. peers.py starts it, and sends one line per turn.

The process answers each turn with a line of JSON: ``{}`` if there are more turns, else its figures or an error.
"""

import json
import os
import sys
from pathlib import Path

from adapters import PEERS
from sizes import Sizes
from workloads import WORKLOADS, probe

__all__ = ["main"]


def main() -> int:
    """Runs the workload that the arguments name, turn by turn."""
    workload, peer, root, sizes = sys.argv[1:]
    # Output of packages must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    answer: dict[str, object] = {}
    try:
        steps = (WORKLOADS | {"probe": probe})[workload](peer, Path(root), Sizes(**json.loads(sizes)))
        while "metrics" not in answer and sys.stdin.readline():
            try:
                next(steps)
            except StopIteration as end:
                answer = {"metrics": end.value}
            print(json.dumps(answer), file=answers, flush=True)
    except ModuleNotFoundError as error:
        package = PEERS[peer].package if peer in PEERS else error.name
        print(json.dumps({"missing": f"{package} cannot be imported: {error}"}), file=answers, flush=True)
    except Exception as error:
        # An error of one peer must not stop the others.
        print(json.dumps({"failed": f"{type(error).__name__}: {error}"}), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
