"""`python -m sandbox.salesforce --port 8443 [--state .data/salesforce]`"""

import argparse
import json
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from types import FrameType

from sandbox.salesforce.org import Org
from sandbox.salesforce.server import Server


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.salesforce",
        description="A Salesforce org on this machine. It prints one line of JSON when it is ready; then open the "
        "instance_url in a browser to see and change records. Stop it with Ctrl-C.",
    )
    parser.add_argument("--port", type=int, default=8443, help="loopback port for TLS and plain HTTP; 0 picks one")
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(".data/salesforce"),
        help="folder for records, keys and certificates, kept between runs (default: %(default)s)",
    )
    arguments = parser.parse_args()
    try:
        org = Org(arguments.state)
    except (OSError, sqlite3.Error) as error:
        print(f"The Salesforce stand-in cannot use the folder {arguments.state}: {error}.", file=sys.stderr)
        return 1
    try:
        server = Server(org, arguments.port)
    except OSError as error:
        print(f"The Salesforce stand-in cannot listen on port {arguments.port}: {error.strerror}.", file=sys.stderr)
        return 1

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # shutdown() waits for the loop that this handler interrupts, so it must run elsewhere.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(json.dumps(server.ready_line()), flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    server.org.store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
