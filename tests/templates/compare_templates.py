#!/usr/bin/env python3
"""compare_templates.py TERN FOLDER...: renders every .jinja file with Tern and with Jinja2, byte by byte.

Each template is rendered for every conversation of conversations.py. Where Jinja2 fails, Tern must fail. Prints a line per
template that differs, with the first difference, and a summary; --verbose names equal ones too.
"""
import argparse
import sys
from pathlib import Path

import conversations
import jinja_oracle


def difference(want, got):
    """What differs, in a line; empty if nothing."""
    if "error" in want and "error" in got:
        raised = want["error"].removeprefix("TemplateError: ")  # by raise_exception: the template's own words
        is_same = raised == want["error"] or raised in got["error"]
        return "" if is_same else f"want the error {raised!r}, got {got['error']!r}"
    if "error" in want or "error" in got:
        return f"want {str(want)[:300]}, got {str(got)[:300]}"
    a, b = want["text"], got["text"]
    if a == b:
        return ""
    at = next((i for i in range(min(len(a), len(b))) if a[i] != b[i]), min(len(a), len(b)))
    return f"at {at}: want {a[max(0, at - 40):at + 60]!r}, got {b[max(0, at - 40):at + 60]!r}"


def compare(tern, env, path):
    """The differences of one template as (input's name, difference), and how many renderings failed in both."""
    template, found, failed = jinja_oracle.parse(env, path.read_bytes().decode("utf-8")), [], 0
    for name, variables in conversations.inputs():
        want = jinja_oracle.render(template, variables)
        failed += "error" in want
        what = difference(want, tern.render(path, variables))
        if what:
            found.append((name, what))
    return found, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tern")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    tern, env = jinja_oracle.Tern(args.tern), jinja_oracle.environment()
    files = sorted(path for folder in args.folders for path in folder.rglob("*.jinja"))
    renderings = len(list(conversations.inputs()))
    different = 0
    for path in files:
        found, failed = compare(tern, env, path)
        different += bool(found)
        for name, what in found[:3]:
            print(f"DIFFERENT {path.name} ({name}): {what}")
        if args.verbose and not found:
            print(f"equal     {path.name}: {renderings - failed} texts, {failed} errors")
    print(f"{len(files)} templates, {renderings} renderings each: {len(files) - different} equal, {different} different")
    sys.exit(different > 0)


main()
