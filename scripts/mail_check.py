#!/usr/bin/env python3
"""Lets the server send mail to a mail server that is not ours, aiosmtpd: over TLS, over STARTTLS, and
with a certificate that it must not trust. Over each it takes an account through what its mails are
for: verification, a mistyped change of address, the right one, the way back, a reset. Needs aiosmtpd,
trustme, grpcio and grpcio-reflection."""

import email
import email.policy
import pathlib
import queue
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import grpc
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from reflected import Service
from with_server import BINARY, LISTENERS, STOP_SECONDS, free_addresses, wait_until_ready

USERNAME, PASSWORD = "mailer", "opens the post office"
ADDRESS, MISTYPED, RIGHT = "Ada@example.com", "ada@exmaple.org", "ada@example.org"
FIRST, SECOND, THIRD = "vestibule opens at nine", "vestibule opens at ten", "vestibule opens at six"
MAIL_SECONDS = 20


class Inbox:
    """Keeps what arrives."""

    def __init__(self):
        self.mails = queue.Queue()

    async def handle_DATA(self, _server, session, envelope):
        # Neither server takes anything that is not encrypted.
        self.mails.put((session.authenticated, envelope))
        return "250 OK"

    def next(self, *expected):
        """The bodies of the mails that arrive next, which are to these addresses with these subjects."""
        bodies = {}
        for _ in expected:
            authenticated, envelope = self.mails.get(timeout=MAIL_SECONDS)
            assert authenticated
            mail = email.message_from_bytes(envelope.original_content, policy=email.policy.strict)
            assert mail["From"] == "Vestibüle <accounts@example.com>", mail["From"]
            assert envelope.rcpt_tos == [mail["To"]], envelope.rcpt_tos
            plain, html = (mail.get_body((form,)).get_content() for form in ("plain", "html"))
            assert set(re.findall(r"#token=([\w-]+)", plain)) == set(re.findall(r"#token=([\w-]+)", html))
            bodies[mail["To"], mail["Subject"]] = plain
        assert set(bodies) == set(expected), bodies.keys()
        return [bodies[key] for key in expected]


def token_of(body, page):
    return re.search(rf"https://app\.example\.com/{page}#token=([\w-]+)", body)[1]


def authenticate(_server, _session, _envelope, _mechanism, login):
    good = (login.login, login.password) == (USERNAME.encode(), PASSWORD.encode())
    return AuthResult(success=good)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


def mail_server(inbox, authority, tls):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    encryption = {
        "implicit": {"ssl_context": context, "auth_require_tls": False},
        "starttls": {"tls_context": context, "require_starttls": True},
    }[tls]
    return Controller(
        inbox, hostname="127.0.0.1", port=free_port(), authenticator=authenticate, auth_required=True,
        **encryption,
    )


def refused(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    raise AssertionError("it was not refused")


def history(address, inbox):
    """(A5) One account and all of its mails."""
    with grpc.insecure_channel(address) as channel:
        auth = Service(channel, "vestibule.v1.AuthService").call
        account = Service(channel, "vestibule.v1.AccountService").call
        auth("RegisterUser", email=ADDRESS, password=FIRST)

        account("RequestEmailVerification", email=ADDRESS)
        (body,) = inbox.next((ADDRESS, "Confirm your e-mail address"))
        assert "this was not you" in body
        token = token_of(body, "verify")
        unproven = refused(lambda: account("VerifyEmail", verification_token=token))
        assert unproven == grpc.StatusCode.FAILED_PRECONDITION, unproven
        account("VerifyEmail", verification_token=token, password=FIRST)

        session = auth("CreateSession", email=ADDRESS, password=FIRST).session_token
        proof = {"session_token": session, "current_password": FIRST}
        confirm = "Confirm your new e-mail address"
        account("RequestEmailChange", new_email=MISTYPED, **proof)
        strange, _ = inbox.next(
            (MISTYPED, confirm), (ADDRESS, "Your e-mail address is about to change"))
        assert "A***@e***.com" in strange and ADDRESS not in strange, strange
        account("RequestEmailChange", new_email=RIGHT, **proof)
        (body,) = inbox.next((RIGHT, confirm))
        strange = token_of(strange, "confirm")
        code = refused(lambda: account("ConfirmEmailChange", email_change_token=strange))
        assert code == grpc.StatusCode.FAILED_PRECONDITION, code
        account("ConfirmEmailChange", email_change_token=token_of(body, "confirm"))

        (body,) = inbox.next((ADDRESS, "Your e-mail address was changed"))
        token = token_of(body, "restore")
        account("RestoreEmail", email_restore_token=token, new_password=SECOND)
        inbox.next((RIGHT, "Your e-mail address was changed"))
        auth("CreateSession", email=ADDRESS, password=SECOND)

        account("RequestPasswordReset", email=ADDRESS.lower())
        (body,) = inbox.next((ADDRESS, "Reset your password"))
        account("ResetPassword", reset_token=token_of(body, "reset"), new_password=THIRD)
        inbox.next((ADDRESS, "Your password was changed"))
        auth("CreateSession", email=ADDRESS, password=THIRD)


def ask_for_a_reset(address):
    with grpc.insecure_channel(address) as channel:
        Service(channel, "vestibule.v1.AuthService").call(
            "RegisterUser", email=ADDRESS, password=FIRST)
        Service(channel, "vestibule.v1.AccountService").call("RequestPasswordReset", email=ADDRESS)


def check(tls, trusted):
    inbox, authority = Inbox(), trustme.CA()
    told = authority if trusted else trustme.CA()
    server = mail_server(inbox, authority, tls)
    server.start()
    with tempfile.TemporaryDirectory(prefix="vestibule-") as folder:
        folder = pathlib.Path(folder)
        told.cert_pem.write_to_path(folder / "ca.pem")
        addresses, log = free_addresses(), folder / "log"
        environment = {
            "HOME": str(folder),
            "VESTIBULE_DATABASE_URL": f"sqlite://{folder}/vestibule.db",
            "VESTIBULE_LIFECYCLE_DRAIN_DELAY": "0s",
            "VESTIBULE_SMTP_SERVER": f"localhost:{server.port}",
            "VESTIBULE_SMTP_TLS": tls,
            "VESTIBULE_SMTP_CA": str(folder / "ca.pem"),
            "VESTIBULE_SMTP_USERNAME": USERNAME,
            "VESTIBULE_SMTP_PASSWORD": PASSWORD,
            "VESTIBULE_MAIL_FROM": "Vestibüle <accounts@example.com>",
            "VESTIBULE_MAIL_LINK_BASE": "https://app.example.com",
        } | {f"VESTIBULE_{name.upper()}_LISTEN": addresses[name] for name in LISTENERS}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [BINARY.resolve()], env=environment, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output)
            try:
                wait_until_ready(process, addresses["operations"])
                if trusted:
                    history(addresses["grpc"], inbox)
                    assert inbox.mails.empty()
                else:
                    ask_for_a_reset(addresses["grpc"])
                    wait_for(log, "mail not sent")
                    assert inbox.mails.empty()
                process.send_signal(signal.SIGTERM)
                assert process.wait(STOP_SECONDS) == 0
            except BaseException:
                print(log.read_text(errors="replace"), file=sys.stderr)
                raise
            finally:
                process.kill()
                process.wait()
                server.stop()
    print(f"{tls}, {'trusted: every mail of an account' if trusted else 'not trusted: no mail'}")


def wait_for(log, text):
    for _ in range(MAIL_SECONDS * 20):
        if text in log.read_text(errors="replace"):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the log never said: {text}")


for tls_mode in ("implicit", "starttls"):
    for is_trusted in (True, False):
        check(tls_mode, is_trusted)
