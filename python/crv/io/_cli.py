"""The `crv` command."""

import signal
import sys

from crv import _native


def main() -> int:
    """Runs the command; its arguments are the process's own."""
    # The command is native code: Ctrl-C must end it there, not wait for the interpreter.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.cli_main(sys.argv[1:])
