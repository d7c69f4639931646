#!/usr/bin/env python3
"""Calls a live server as a stranger would: grpcio, knowing nothing but reflection.

    scripts/with_server.py scripts/client_checks.py

The server's own tests share its protos and its gRPC library; a fault in either would pass them.
Needs grpcio, grpcio-reflection, grpcio-health-checking and grpcio-status; the address comes from
GRPC_ADDRESS.
"""

import os
import sys
import traceback
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_status import rpc_status

from reflected import DEADLINE_SECONDS, Service

ADDRESS = os.environ.get("GRPC_ADDRESS", "127.0.0.1:50051")
SERVICE = "vestibule.v1.AuthService"
EXPECTED_SERVICES = {
    SERVICE,
    "vestibule.v1.AccountService",
    "vestibule.v1.AuditService",
    "vestibule.v1.UserService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
}
PASSWORD = "vestibule opens at nine"
ACTIVE, REVOKED, NOT_FOUND = 1, 3, 4

channel = grpc.insecure_channel(ADDRESS)


class Auth(Service):
    """AuthService, and the details of its refusals."""

    def __init__(self):
        super().__init__(channel, SERVICE)

    def refused(self, name, **fields):
        """The status code and the details, by type, of a call that must fail."""
        try:
            self.call(name, **fields)
        except grpc.RpcError as error:
            found = {}
            for packed in rpc_status.from_call(error).details:
                kind = getattr(error_details_pb2, packed.type_url.rsplit(".", 1)[-1])
                found[kind] = kind()
                packed.Unpack(found[kind])
            return error.code(), found
        raise AssertionError(f"{name} was not refused")


def new_login():
    return {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD}


def equal(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def both_reflection_versions_list_every_service(_):
    for version in ("v1", "v1alpha"):
        # The two have the same bytes on the wire; grpcio has the types of v1alpha alone.
        ask = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(ask(iter([question]), timeout=DEADLINE_SECONDS))
        equal({service.name for service in answer.list_services_response.service}, EXPECTED_SERVICES)


def health_is_told_per_service(_):
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", SERVICE):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE_SECONDS)
        equal(answer.status, health_pb2.HealthCheckResponse.SERVING)
    try:
        health.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=DEADLINE_SECONDS)
    except grpc.RpcError as error:
        equal(error.code(), grpc.StatusCode.NOT_FOUND)
    else:
        raise AssertionError("an unknown service has a health")


def a_watch_of_an_unknown_service_stays_open(_):
    health = health_pb2_grpc.HealthStub(channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(service="nobody"), timeout=1)
    equal(next(watch).status, health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
    try:
        next(watch)
    except grpc.RpcError as error:  # It was still open when our own deadline came.
        equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
    else:
        raise AssertionError("the watch said something more")


def a_password_is_right_or_wrong_without_an_error(auth):
    login = new_login()
    user = auth.call("RegisterUser", **login).user
    right = auth.call("ValidLogin", **login)
    equal((right.valid, right.user_id), (True, user.id))
    for email in (login["email"], new_login()["email"]):
        wrong = auth.call("ValidLogin", email=email, password="vestibule opens at ten")
        equal((wrong.valid, wrong.user_id), (False, ""))


def a_session_lives_from_login_to_revocation(auth):
    login = new_login()
    user = auth.call("RegisterUser", **login).user
    created = auth.call("CreateSession", **login)
    equal(created.user.id, user.id)
    live = auth.call("ValidateSession", session_token=created.session_token)
    equal((live.status, live.session.id, live.user.id), (ACTIVE, created.session.id, user.id))
    for _ in range(2):  # However often it is sent.
        auth.call("RevokeSession", session_token=created.session_token)
    ended = auth.call("ValidateSession", session_token=created.session_token)
    equal((ended.status, ended.HasField("session"), ended.HasField("user")), (REVOKED, False, False))
    equal(auth.call("ValidateSession", session_token="nonsense").status, NOT_FOUND)


def a_retried_registration_finds_the_same_user(auth):
    request = {"request_id": str(uuid.uuid4()), **new_login()}
    first = auth.call("RegisterUser", **request)
    second = auth.call("RegisterUser", **request)
    equal(second.user.id, first.user.id)


def every_fault_of_a_request_is_told_at_once(auth):
    code, details = auth.refused("RegisterUser", email="nobody", password="short", request_id="7")
    equal(code, grpc.StatusCode.INVALID_ARGUMENT)
    equal(details[error_details_pb2.ErrorInfo].reason, "INVALID_INPUT")
    equal(details[error_details_pb2.ErrorInfo].domain, "vestibule.v1")
    violations = details[error_details_pb2.BadRequest].field_violations
    equal(
        {violation.field: violation.reason for violation in violations},
        {"email": "INVALID_EMAIL", "password": "PASSWORD_TOO_SHORT", "request_id": "INVALID_FIELD"},
    )


def a_taken_address_and_a_wrong_password_have_their_reasons(auth):
    login = new_login()
    auth.call("RegisterUser", **login)
    code, details = auth.refused("RegisterUser", **login)
    equal(code, grpc.StatusCode.ALREADY_EXISTS)
    equal(details[error_details_pb2.ErrorInfo].reason, "EMAIL_TAKEN")
    code, details = auth.refused("CreateSession", email=login["email"], password="a wrong one")
    equal(code, grpc.StatusCode.UNAUTHENTICATED)
    equal(details[error_details_pb2.ErrorInfo].reason, "BAD_CREDENTIALS")
    assert details[error_details_pb2.RequestInfo].request_id, "no request id"


def a_message_beyond_the_limit_is_refused_with_its_reason(auth):
    code, details = auth.refused("ValidLogin", email="a@example.com", password="x" * 1_000_000)
    equal(code, grpc.StatusCode.RESOURCE_EXHAUSTED)
    equal(details[error_details_pb2.ErrorInfo].reason, "MESSAGE_TOO_LARGE")


CHECKS = [
    both_reflection_versions_list_every_service,
    health_is_told_per_service,
    a_watch_of_an_unknown_service_stays_open,
    a_password_is_right_or_wrong_without_an_error,
    a_session_lives_from_login_to_revocation,
    a_retried_registration_finds_the_same_user,
    every_fault_of_a_request_is_told_at_once,
    a_taken_address_and_a_wrong_password_have_their_reasons,
    a_message_beyond_the_limit_is_refused_with_its_reason,
]


def main():
    auth = Auth()
    failed = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            check(auth)
            print(f"grpcio: ok: {name}")
        except Exception:  # A check that breaks is a check that failed; the others still run.
            failed += 1
            print(f"grpcio: FAILED: {name}")
            traceback.print_exc(limit=3)
    print(f"grpcio: {len(CHECKS) - failed} checks good, {failed} bad")
    return 1 if failed else 0


sys.exit(main())
