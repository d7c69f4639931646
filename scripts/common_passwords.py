#!/usr/bin/env python3
"""Makes src/domain/password/common.txt, so that anyone can see where the list comes from.

Two ranked lists, because each lacks what the other has: Django's holds the runs and repeats
("987654321", "11111111") that zxcvbn leaves to its pattern matchers, and alone is too short.

    npm pack @zxcvbn-ts/language-common@4.1.3 && tar xzf zxcvbn-ts-language-common-4.1.3.tgz
    pip download --no-deps Django==5.2.19
    unzip -p django-5.2.19-*.whl django/contrib/auth/common-passwords.txt.gz | gunzip > django.txt
    scripts/common_passwords.py package/src/passwords.json django.txt > src/domain/password/common.txt
"""

import json
import sys
import unicodedata

SHORTEST = 8  # The floor of the policy: shorter passwords are refused for their length.


def folded(password):
    """The form in which passwords are compared: NFC, then case-folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", password).casefold())


def main(zxcvbn, django):
    with open(zxcvbn, encoding="utf-8") as file:
        ranked = json.load(file)
    with open(django, encoding="utf-8") as file:
        ranked += file.read().split("\n")
    entries = {folded(password) for password in ranked}
    # The few entries beyond ASCII are broken encodings of U+FFFD, which nobody types.
    kept = sorted(entry for entry in entries if len(entry) >= SHORTEST and entry.isascii())
    sys.stdout.write("\n".join(kept) + "\n")


main(*sys.argv[1:])
