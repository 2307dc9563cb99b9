"""The `crv` command."""

import signal
import sys

from crv import _native


def main() -> int:
    """Runs the command with the arguments of this process, and returns its exit code."""
    # The command is native code: Ctrl-C must end it at once, not when it returns to the interpreter.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.cli_main(sys.argv[1:])
