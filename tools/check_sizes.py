#!/usr/bin/env python3
"""check_sizes.py: no file over 800 lines, no function over 80; the exceptions stand in tools/sizes_allowed.txt."""
import re
import sys
from pathlib import Path

MAX_FILE, MAX_FUNCTION = 800, 80
# A definition's first line at namespace level or in a class: ends with "{", is no type, namespace or initialiser.
START = re.compile(r"^(?:  )?(?!.*\b(?:namespace|struct|class|enum|union|extern|switch|do|else)\b)\S.*\)[^;=]*\{$")


def allowed():
    lines = Path("tools/sizes_allowed.txt").read_text().splitlines()
    return {line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()}


def functions(lines):
    """(first line number, name, length) of each function body, found by the indentation of its closing brace."""
    i = 0
    while i < len(lines):
        if not START.match(lines[i]):
            i += 1
            continue
        indent = len(lines[i]) - len(lines[i].lstrip())
        end = next((j for j in range(i + 1, len(lines)) if lines[j].rstrip() == " " * indent + "}"), None)
        if end is None:
            i += 1
            continue
        names = re.findall(r"([\w:~]+)\(", lines[i])
        yield i + 1, names[0] if names else "?", end - i + 1
        i = end + 1


def main():
    exempt, found = allowed(), []
    for path in sorted([*Path("src").rglob("*"), *Path("bench").rglob("*"), *Path("fuzz").rglob("*")]):
        if path.suffix not in {".h", ".cc"}:
            continue
        lines = path.read_text().splitlines()
        if len(lines) > MAX_FILE and str(path) not in exempt:
            found.append(f"{path}: {len(lines)} lines, at most {MAX_FILE}")
        for line, name, length in functions(lines):
            if length > MAX_FUNCTION and f"{path}:{name}" not in exempt:
                found.append(f"{path}:{line}: {name}: {length} lines, at most {MAX_FUNCTION}")
    print(*found, f"sizes: {len(found)} too long" if found else "sizes: clean", sep="\n")
    sys.exit(bool(found))


main()
