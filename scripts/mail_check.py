#!/usr/bin/env python3
"""Lets the server send mail to a mail server that is not ours, aiosmtpd: over TLS, over STARTTLS, and
with a certificate that it must not trust. Needs aiosmtpd and trustme."""

import email
import email.policy
import json
import pathlib
import queue
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from with_server import BINARY, LISTENERS, STOP_SECONDS, free_addresses, wait_until_ready

USERNAME, PASSWORD = "mailer", "opens the post office"
ADDRESS = "Ada@example.com"
MAIL_SECONDS = 20
RESET = 1


class Inbox:
    """Keeps what arrives."""

    def __init__(self):
        self.mails = queue.Queue()

    async def handle_DATA(self, _server, session, envelope):
        # Neither server takes anything that is not encrypted.
        self.mails.put((session.authenticated, envelope))
        return "250 OK"


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


def ask_for_a_reset(rest, database):
    body = json.dumps({"email": ADDRESS, "password": "vestibule opens at nine"}).encode()
    request = urllib.request.Request(
        f"http://{rest}/users", body, {"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()
    now = time.time_ns() // 1000
    with sqlite3.connect(database, timeout=10) as rows:
        rows.execute(
            "INSERT INTO mail_intents (email_key, purpose, requested_at, requests, attempts, next_try)"
            " VALUES (?, ?, ?, 1, 0, ?)", (ADDRESS.lower(), RESET, now, now))


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
                ask_for_a_reset(addresses["rest"], folder / "vestibule.db")
                if trusted:
                    judge(inbox.mails.get(timeout=MAIL_SECONDS))
                else:
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
    print(f"{tls}, {'trusted: a mail' if trusted else 'not trusted: no mail'}")


def judge(arrived):
    authenticated, envelope = arrived
    assert authenticated
    assert envelope.rcpt_tos == [ADDRESS], envelope.rcpt_tos
    mail = email.message_from_bytes(envelope.original_content, policy=email.policy.strict)
    assert mail["From"] == "Vestibüle <accounts@example.com>", mail["From"]
    assert mail["To"] == ADDRESS and mail["Subject"] == "Reset your password"
    link = "https://app.example.com/reset#token=vrt_"
    for form in ("plain", "html"):
        body = mail.get_body((form,)).get_content()
        assert link in body, body


def wait_for(log, text):
    for _ in range(MAIL_SECONDS * 20):
        if text in log.read_text(errors="replace"):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the log never said: {text}")


for tls_mode in ("implicit", "starttls"):
    for is_trusted in (True, False):
        check(tls_mode, is_trusted)
