#!/usr/bin/env python3
"""check_layers.py [ROOT]: fails on an #include that src/layers.txt does not allow, or a backend that includes another."""
import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'\s*#\s*include\s+"([a-z0-9_]+)/(?:([a-z0-9_]+)/)?')


def read_layers(path):
    allowed = {}
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        module, deps = line.split(":")
        deps = deps.split()
        for dep in deps:  # declared earlier, so the list itself has no cycle
            if dep not in allowed:
                sys.exit(f"layers: {path}: {module} uses {dep} before it is declared")
        allowed[module] = set(deps) | {module}
    return allowed


def violations(root, allowed):
    for path in sorted(root.rglob("*")):
        if path.suffix not in {".h", ".cc", ".inc", ".list"}:
            continue
        parts = path.relative_to(root).parts
        if parts[0] not in allowed:
            yield f"{path}: module {parts[0]} is not in {root}/layers.txt"
            continue
        for number, text in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(text)
            if not match:
                continue
            module, folder = match[1], match[2]
            if module in allowed and module not in allowed[parts[0]]:
                yield f"{path}:{number}: {parts[0]} may not include {module}"
            if parts[0] == module == "backends" and len(parts) > 2 and folder not in (None, parts[1]):
                yield f"{path}:{number}: backend {parts[1]} may not include backend {folder}"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "src")
    found = list(violations(root, read_layers(root / "layers.txt")))
    print(*found, f"layers: {len(found)} violation(s)" if found else "layers: clean", sep="\n")
    sys.exit(bool(found))


main()
