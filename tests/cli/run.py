#!/usr/bin/env python3
"""Runs the text tests of the command line: run.py [--bin DIR] FILE.test...

A test is prose with commands in it. What is indented by two spaces is checked, everything else is explanation:

    An unknown command is wrong usage.

      $ tern frobnicate
      ! tern: frobnicate: no such command
      ! Try 'tern --help'.
      [exit 2]

  "$ "      a shell command; "> " goes on with it on the next line
  "< "      a line for its standard input, which is empty otherwise
  "! "      a line that it must write to standard error
  "[exit N]"  its exit code, 0 where this is missing
  the rest  the lines that it must write to standard output, in order; an empty line counts if more follows
  "..."     alone on a line: any number of lines; after "! " too
  "{*}"     inside a line: any text;  "{N}": a number
  "(needs PATH)" outside commands: the file is skipped, visibly, where PATH does not exist; $SOURCE and $BIN
            stand for the source tree and the folder of the program, in commands too

All commands of a file share one new, empty folder, which is also $HOME; nothing else of the caller's environment
is there. Each command has a minute.
"""
import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 60
SKIPPED = 77
SOURCE = Path(__file__).resolve().parents[2]


class Case:
    def __init__(self, line, command):
        self.line, self.command = line, command
        self.stdin, self.out, self.err, self.code = [], [], [], 0


def parse(text):
    """The cases of a test file, and the paths that it needs."""
    cases, needs, case, blanks = [], [], None, 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            blanks += 1
            continue
        if not line.startswith("  "):
            needs += re.findall(r"\(needs (\S+)\)", line)
            case = None
            continue
        line = line[2:]
        if line.startswith("$ "):
            case, blanks = Case(number, line[2:]), 0
            cases.append(case)
            continue
        if case is None:
            raise ValueError(f"line {number}: indented text that no command comes before")
        case.out += [""] * blanks
        blanks = 0
        exit_code = re.fullmatch(r"\[exit (\d+)\]", line)
        if exit_code:
            case.code = int(exit_code[1])
        elif line.startswith("> "):
            case.command += "\n" + line[2:]
        elif line == "<" or line.startswith("< "):
            case.stdin.append(line[2:])
        elif line == "!" or line.startswith("! "):
            case.err.append(line[2:])
        else:
            case.out.append(line)
    return cases, needs


def line_pattern(line):
    parts = re.split(r"(\{\*\}|\{N\})", line)
    special = {"{*}": r".*?", "{N}": r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"}
    return "".join(special.get(part, re.escape(part)) for part in parts)


def matches(expected, actual):
    lines = [r"(?:[^\n]*\n)*?" if line == "..." else line_pattern(line) + r"\n" for line in expected]
    return re.fullmatch("".join(lines), "".join(line + "\n" for line in actual)) is not None


def difference(name, expected, actual):
    return [f"    {line}" for line in difflib.unified_diff(expected, actual, f"expected {name}", name, lineterm="")]


def run_case(case, cwd, env):
    """What went wrong, as lines; none: the case passed."""
    stdin = "".join(line + "\n" for line in case.stdin)
    try:
        done = subprocess.run(["bash", "-c", case.command], input=stdin.encode(), capture_output=True, cwd=cwd,
                              env=env, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return [f"    took more than {SECONDS} s"]
    problems = []
    for name, expected, raw in (("standard output", case.out, done.stdout), ("standard error", case.err, done.stderr)):
        actual = raw.decode("utf-8", "backslashreplace").split("\n")
        if actual[-1] == "":
            actual.pop()
        if not matches(expected, actual):
            problems += difference(name, expected, actual)
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    if code != case.code:
        problems.append(f"    exit code {code}, expected {case.code}")
    return problems


def run_file(path, bin_dir):
    """0: passed, 1: failed, 77: skipped."""
    cases, needs = parse(path.read_text(encoding="utf-8"))
    if not cases:
        print(f"{path.name}: no command in it")
        return 1
    places = {"$SOURCE": str(SOURCE), "$BIN": str(bin_dir)}
    for need in needs:
        for name, value in places.items():
            need = need.replace(name, value)
        if not Path(need).exists():
            print(f"{path.name}: SKIPPED, needs {need}")
            return SKIPPED
    failed = 0
    with tempfile.TemporaryDirectory(prefix="tern-cli-") as cwd:
        env = {"PATH": f"{bin_dir}:{os.environ.get('PATH', '/usr/bin:/bin')}", "HOME": cwd, "LC_ALL": "C.UTF-8",
               "SOURCE": str(SOURCE), "BIN": str(bin_dir)}
        for case in cases:
            problems = run_case(case, cwd, env)
            if problems:
                failed += 1
                print(f"{path.name}:{case.line}: $ {case.command}", *problems, sep="\n")
    print(f"{path.name}: {len(cases) - failed} of {len(cases)} commands as expected")
    return int(failed > 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(SOURCE / "build" / "bin"), help="the folder that holds tern")
    parser.add_argument("files", nargs="+", metavar="FILE.test")
    args = parser.parse_args()
    results = [run_file(Path(file), Path(args.bin).resolve()) for file in args.files]
    sys.exit(1 if 1 in results else SKIPPED if SKIPPED in results else 0)


main()
