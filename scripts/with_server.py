#!/usr/bin/env python3
"""Runs a command against a development server of its own, so that checks by foreign clients need
no fixed port and leave nothing behind:

    scripts/with_server.py [--FLAG=VALUE...] COMMAND [ARGUMENT...]

The flags are the server's. The command finds the server by GRPC_ADDRESS, REST_ADDRESS and OPERATIONS_ADDRESS. Afterwards the
server gets SIGTERM and must end by itself with 0.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/vestibule"
START_SECONDS = 20
STOP_SECONDS = 30
LISTENERS = ("grpc", "rest", "operations")


def free_addresses():
    """One loopback address per listener; all are held at once so that no two are the same."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in LISTENERS]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return {name: f"127.0.0.1:{port}" for name, port in zip(LISTENERS, ports)}


def wait_until_ready(server, operations):
    for _ in range(START_SECONDS * 20):
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode} before it was ready")
        try:
            with urllib.request.urlopen(f"http://{operations}/readyz", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the server is not ready after {START_SECONDS} s")


def run(command, folder, log):
    addresses = free_addresses()
    # The caller's own settings must not change what is checked.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VESTIBULE_")}
    flags = [part for name in LISTENERS for part in (f"--{name}-listen", addresses[name])]
    while command[0].startswith("--"):
        flags.append(command[0])
        command = command[1:]
    server = subprocess.Popen(
        [BINARY.resolve(), "serve", "--dev", *flags],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
    )
    try:
        wait_until_ready(server, addresses["operations"])
        environment |= {f"{name.upper()}_ADDRESS": addresses[name] for name in LISTENERS}
        status = subprocess.run(command, env=environment, check=False).returncode
        server.send_signal(signal.SIGTERM)
        ended = server.wait(STOP_SECONDS)
        if ended != 0:
            raise RuntimeError(f"the server ended with {ended} after SIGTERM")
        return status
    finally:
        server.kill()
        server.wait()


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 64
    with tempfile.TemporaryDirectory(prefix="vestibule-") as folder:
        path = pathlib.Path(folder) / "server.log"
        failure = None
        with path.open("wb") as log:
            try:
                status = run(sys.argv[1:], folder, log)
            except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
                status, failure = 1, error
        if status not in (0, 77):
            print("---- the server's log, its last 40 lines", file=sys.stderr)
            print(*path.read_text(errors="replace").splitlines()[-40:], sep="\n", file=sys.stderr)
        if failure:
            print(f"with_server: {failure}", file=sys.stderr)
        return status


if __name__ == "__main__":
    sys.exit(main())
