#!/usr/bin/env python3
"""Runs what the README tells people to type, and compares what they are told to expect.

    scripts/with_server.py scripts/readme_blocks.py README.md

- A ```console block holds commands (`$ `, continued after a final backslash) and their output. All
  blocks run in order in one bash, in the repository's folder, so variables stay set.
- `…` stands for anything on its line. Ids, session tokens and instants differ from run to run:
  any one equals any other. So does any run of blanks (grpcurl's are not stable).
- A ```python block must stand, word for word, in examples/python/client.py, which a console block
  runs.
- A command whose tool is not installed is skipped, and so is one that uses a variable it would
  have set; then the exit status is 77 instead of 0.

The README's addresses are replaced by GRPC_ADDRESS, REST_ADDRESS and OPERATIONS_ADDRESS.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
ADDRESSES = {
    "127.0.0.1:50051": "GRPC_ADDRESS",
    "127.0.0.1:8080": "REST_ADDRESS",
    "127.0.0.1:9090": "OPERATIONS_ADDRESS",
}
CHANGING = [
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\bvst_[A-Za-z0-9_-]{68}(?![A-Za-z0-9_-])"), "<token>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<instant>"),
    (re.compile(r"\s+"), " "),
]
END = "--- end of command ---"


def blocks(text, language):
    """The fenced blocks of one language, as lists of lines."""
    fenced = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block.splitlines() for block in fenced]


def steps(lines):
    """Pairs of a command and its expected lines."""
    found = []
    continued = False
    for line in lines:
        if continued:
            found[-1][0] += "\n" + line
        elif line.startswith("$ "):
            found.append([line[2:], []])
        elif found:
            found[-1][1].append(line)
        else:
            raise SystemExit(f"readme: a console block begins with output: {line}")
        continued = (continued or line.startswith("$ ")) and line.endswith("\\")
    return found


def with_addresses(text):
    for written, variable in ADDRESSES.items():
        text = text.replace(written, os.environ.get(variable, written))
    return text


def settled(line):
    for pattern, name in CHANGING:
        line = pattern.sub(name, line)
    return line.strip()


def matches(expected, actual):
    if len(expected) != len(actual):
        return False
    for want, got in zip(expected, actual):
        parts = settled(with_addresses(want)).split("…")
        if not re.fullmatch(".*".join(map(re.escape, parts)), settled(got)):
            return False
    return True


def missing_tool(command):
    if "grpcurl" in command and not shutil.which("grpcurl"):
        return "grpcurl"
    if "examples/python" in command:
        probe = subprocess.run(["python3", "-c", "import grpc, grpc_tools, grpc_status"], capture_output=True)
        return "grpcio-tools and grpcio-status" if probe.returncode else None
    return None


def uses(command, variables):
    return any(re.search(rf"\$\{{?#?{name}\b", command) for name in variables)


class Shell:
    """One bash for all commands. They read nothing, or they would eat the commands after them."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["bash"], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        # As on a terminal, where curl shows no progress.
        self.run('curl() { command curl --no-progress-meter "$@"; }')

    def run(self, command):
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s\\n' '{END}'\n")
        self.process.stdin.flush()
        output = []
        for line in self.process.stdout:
            if line.rstrip("\n") == END:
                return "".join(output).rstrip("\n").splitlines()
            output.append(line)
        raise SystemExit(f"readme: bash ended in: {command}")


def check_python(text):
    client = (ROOT / "examples/python/client.py").read_text()
    strays = ["\n".join(block) for block in blocks(text, "python") if "\n".join(block) not in client]
    for stray in strays:
        print("readme: not in examples/python/client.py:")
        print(textwrap.indent(stray, "    "))
    return len(strays)


def main(path):
    text = pathlib.Path(path).read_text()
    shell = Shell()
    passed, failed, skipped, unset = 0, check_python(text), [], []
    for command, expected in (step for block in blocks(text, "console") for step in steps(block)):
        tool = missing_tool(command)
        if tool or uses(command, unset):
            skipped.append(tool)
            unset += re.findall(r"^(\w+)=", command)
            continue
        actual = shell.run(with_addresses(command))
        if matches(expected, actual):
            passed += 1
            continue
        failed += 1
        print(f"readme: $ {command}")
        print(textwrap.indent("\n".join(["promised:", *expected, "but got:", *actual]), "    "))
    print(f"readme: {passed} commands as promised, {failed} not")
    if skipped:
        tools = " and ".join(sorted(set(filter(None, skipped))))
        print(f"readme: {len(skipped)} commands skipped without {tools}")
    if failed or not passed:
        return 1
    return 77 if skipped else 0


sys.exit(main(*sys.argv[1:]))
