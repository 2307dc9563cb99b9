"""One process of the benchmark: a workload for one peer. Started by peers.py, a turn for each line that comes in.

It answers each turn with a line of JSON: ``{}`` when there is more to do, else what was measured or why it was not.
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
    # What packages print must not end up among the answers.
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
        # Whatever goes wrong in a peer must not take the others' figures with it.
        print(json.dumps({"failed": f"{type(error).__name__}: {error}"}), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
