import argparse
import os
import signal
import sys
import time
from threading import Thread

from demo.server import serve

ENDINGS = (signal.SIGINT, signal.SIGTERM)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description="Serves the demo site on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument(
        "--while-parent",
        type=int,
        nargs="?",
        const=os.getppid(),
        metavar="PID",
        help="end when the process that started this one (PID, to be sure) has ended",
    )
    return parser.parse_args()


def end_with(parent: int) -> None:
    """Ends this process once its parent has ended, of which no system but Linux sends word."""
    while os.getppid() == parent:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    options = arguments()
    # Blocked before any thread starts, so that the signals wait for the main thread alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    if options.while_parent is not None:
        Thread(target=end_with, args=(options.while_parent,), daemon=True).start()
    try:
        with serve(options.port) as base_url:
            print(f"serving {base_url}/", flush=True)
            signal.sigwait(ENDINGS)
    except (OSError, OverflowError) as error:
        print(f"cannot serve on port {options.port}: {error}; --port 0 takes a free one", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
