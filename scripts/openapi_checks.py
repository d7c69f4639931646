#!/usr/bin/env python3
"""Holds the REST gateway to its OpenAPI document with schemathesis: all of its checks, on every
operation, with the session of a user who exists where one is the proof. It is run by with_server.py."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

import grpc

ROOT = pathlib.Path(__file__).resolve().parent.parent
EMAIL, PASSWORD = "ada@example.com", "vestibule opens at nine"
REST, GRPC = os.environ["REST_ADDRESS"], os.environ["GRPC_ADDRESS"]
# Each registration costs a hash, and each finding is shrunk with many more.
EXAMPLES, SECONDS = 150, 300


def session_token():
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"http://{REST}/users", body, headers)).close()
    sys.path.insert(0, str(ROOT / "proto"))
    protos, services = grpc.protos_and_services("vestibule/v1/auth_service.proto")
    with grpc.insecure_channel(GRPC) as channel:
        request = protos.CreateSessionRequest(email=EMAIL, password=PASSWORD)
        return services.AuthServiceStub(channel).CreateSession(request).session_token


def main():
    command = [
        "schemathesis", "run", f"http://{REST}/openapi.json",
        "--checks", "all", "--max-examples", str(EXAMPLES),
        "--generation-deterministic", "--max-response-time", "5", "--no-color",
        *sys.argv[1:],
    ]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": str(ROOT / "scripts/openapi_hooks.py"),
        "SESSION_TOKEN": session_token(),
    }
    # It keeps a cache where it is run.
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            command, cwd=folder, env=environment, timeout=SECONDS, check=False
        ).returncode


sys.exit(main())
