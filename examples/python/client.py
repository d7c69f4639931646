"""A whole client in one file: register, log in, ask who a token is, log out, read an error's reason.

    pip install grpcio grpcio-tools grpcio-status
    python3 examples/python/client.py
"""

import os, pathlib, sys, uuid
import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADDRESS = os.environ.get("GRPC_ADDRESS", "127.0.0.1:50051")

# The stubs are made from the protos as the program starts; no code is generated to keep.
sys.path.insert(0, str(ROOT / "proto"))
protos, services = grpc.protos_and_services("vestibule/v1/auth_service.proto")
sessions = grpc.protos("vestibule/v1/session.proto")

# The service ships its retry policy: which calls are retried, and how often.
config = (ROOT / "examples/service-config.json").read_text()
auth = services.AuthServiceStub(
    grpc.insecure_channel(ADDRESS, options=[("grpc.service_config", config)])
)


def user_of(token):
    """The user to let in, or None. Anything but ACTIVE is a refusal, and so is a failed call."""
    try:
        answer = auth.ValidateSession(
            protos.ValidateSessionRequest(session_token=token), timeout=0.25
        )
    except grpc.RpcError:
        return None
    return answer.user if answer.status == sessions.SESSION_STATUS_ACTIVE else None


def reason_of(error):
    """Why a call failed, such as "EMAIL_TAKEN"; None if the error is not Vestibule's own."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status else []:
        if detail.Unpack(info) and info.domain == "vestibule.v1":
            return info.reason
    return None


def main():
    login = {"email": f"{uuid.uuid4()}@example.com", "password": "vestibule opens at nine"}
    # The same request_id on every retry: then a retry finds the user that the first try made.
    request = protos.RegisterUserRequest(request_id=str(uuid.uuid4()), **login)
    user = auth.RegisterUser(request, timeout=3).user
    print("registered:", user.id)
    try:
        auth.RegisterUser(protos.RegisterUserRequest(**login), timeout=3)
    except grpc.RpcError as error:
        print("again:     ", reason_of(error))

    token = auth.CreateSession(protos.CreateSessionRequest(**login), timeout=3).session_token
    print("logged in: ", user_of(token).id)

    auth.RevokeSession(protos.RevokeSessionRequest(session_token=token), timeout=0.25)
    print("logged out:", user_of(token))


if __name__ == "__main__":
    main()
