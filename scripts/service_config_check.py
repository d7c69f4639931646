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
ATTEMPTS = {
    "AuthService/ValidateSession": 3,
    "AuthService/RevokeSession": 3,
    "AuthService/BatchValidateSessions": 3,
    "AuthService/RotateSession": 3,  # The same token gets the same new one.
    "AuthService/ValidLogin": 3,
    "AuthService/RegisterUser": 1,  # Safe only with a request_id, which a config cannot see.
    "AuthService/CreateSession": 1,  # Each success opens a session of its own.
    "AccountService/GetAccount": 3,
    "AccountService/ListSessions": 3,
    "AccountService/RevokeSessionById": 3,
    "AccountService/RevokeOtherSessions": 3,
    "AccountService/CancelEmailChange": 3,
    "AccountService/Reauthenticate": 3,
    "AccountService/RequestPasswordReset": 3,
    "AccountService/RequestEmailVerification": 3,
    "AccountService/ChangePassword": 1,  # What succeeded unheard fails when it is repeated.
    "AccountService/ResetPassword": 1,
    "AccountService/RestoreEmail": 1,
    "UserService/FindUser": 3,
    "UserService/DisableUser": 3,
    "UserService/DeleteUser": 3,
    "UserService/UpdateUser": 1,  # With an etag, what succeeded unheard fails when it is repeated.
    "UserService/CreateSessionForUser": 1,
    "AuditService/ListEvents": 3,
}


class Busy(grpc.GenericRpcHandler):
    """Counts the attempts per method and refuses each."""

    def __init__(self):
        self.seen = collections.Counter()

    def service(self, call):
        def refuse(_request, context):
            self.seen[call.method.removeprefix("/vestibule.v1.")] += 1
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
                channel.unary_unary(f"/vestibule.v1.{method}")(b"", timeout=5, wait_for_ready=True)
            except grpc.RpcError as error:
                print(f"service config: {method}: {busy.seen[method]} attempts, {error.code().name}")
    server.stop(None)
    return 0 if busy.seen == ATTEMPTS else 1


sys.exit(main())
