#!/usr/bin/env python3
"""Proves that examples/service-config.json does in grpcio what the documentation says of it.

A library that cannot read a service config drops it without a word, so reading the file is no
proof. A server that is always busy counts the attempts: 3 where a retry is safe, 1 where it is not.
Needs grpcio alone; Vestibule is not called.
"""

import collections
import concurrent.futures
import pathlib
import sys

import grpc

CONFIG = pathlib.Path(__file__).resolve().parent.parent / "examples/service-config.json"
SERVICE = "vestibule.v1.AuthService"
ATTEMPTS = {
    "ValidateSession": 3,
    "RevokeSession": 3,
    "ValidLogin": 3,
    "RegisterUser": 1,  # Safe only with a request_id, which a service config cannot see.
    "CreateSession": 1,  # Each success opens a session of its own.
}


class Busy(grpc.GenericRpcHandler):
    """Counts the attempts per method and refuses each."""

    def __init__(self):
        self.seen = collections.Counter()

    def service(self, call):
        def refuse(_request, context):
            self.seen[call.method.rsplit("/", 1)[-1]] += 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "busy")

        return grpc.unary_unary_rpc_method_handler(refuse)


def main():
    busy = Busy()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=[busy])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    for method in ATTEMPTS:
        # A channel each, or the failures of one method would use up the retries of the next.
        options = [("grpc.service_config", CONFIG.read_text())]
        with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
            try:
                channel.unary_unary(f"/{SERVICE}/{method}")(b"", timeout=5, wait_for_ready=True)
            except grpc.RpcError as error:
                print(f"service config: {method}: {busy.seen[method]} attempts, {error.code().name}")
    server.stop(None)
    return 0 if busy.seen == ATTEMPTS else 1


sys.exit(main())
