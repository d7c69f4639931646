"""For schemathesis: proves the session where one is the proof, and leaves out registrations that it
takes for valid because no JSON Schema can say that they are not, so that its check that valid ones are
accepted can stay on."""

import os
import pathlib
import unicodedata

import schemathesis

COMMON = pathlib.Path(__file__).resolve().parent.parent / "src/domain/password/common.txt"
common = set(COMMON.read_text(encoding="utf-8").splitlines())


def is_beyond_the_schema(email, password):
    normal = unicodedata.normalize("NFC", password)
    folded = normal.casefold()
    names = {"vestibule", email.casefold(), email.casefold().split("@")[0]}
    # The document counts what is sent, the service its NFC.
    return folded in common | names or (8 <= len(password)) != (8 <= len(normal))


@schemathesis.hook
def filter_case(context, case):
    if not isinstance(case.body, dict):
        return True
    email, password = case.body.get("email"), case.body.get("password")
    both = isinstance(email, str) and isinstance(password, str)
    return not (both and is_beyond_the_schema(email, password))


# On every other path `Authorization` is a calling service's, and a session is none.
@schemathesis.auth().apply_to(path="/users/{id}")
class Session:
    def get(self, _case, _context):
        return os.environ["SESSION_TOKEN"]

    def set(self, case, token, _context):
        case.headers["Authorization"] = f"Bearer {token}"
