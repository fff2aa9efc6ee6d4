#!/usr/bin/env python3
"""check_docs.py: code in docs/ that names its file stands in that file, word for word; links lead somewhere.

    <!-- from tests/examples/adding_a_model.cc -->
    ```cpp
    ...
    ```
"""
import re
import sys
from pathlib import Path

BLOCK = re.compile(r"<!-- from (\S+) -->\n```\w*\n(.*?)```", re.S)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def squeeze(text):
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def main():
    found, blocks = [], 0
    for page in [Path("README.md"), *sorted(Path("docs").rglob("*.md"))]:
        if not page.exists():
            continue
        text = page.read_text()
        for source, code in BLOCK.findall(text):
            blocks += 1
            if not Path(source).exists():
                found.append(f"{page}: {source}: no such file")
            elif squeeze(code) not in squeeze(Path(source).read_text()):
                found.append(f"{page}: the code from {source} is not what the file says")
        for link in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.S)):
            if not (page.parent / link).exists():
                found.append(f"{page}: link to {link}, which does not exist")
    print(*found, f"docs: {len(found)} problem(s)" if found else f"docs: clean, {blocks} examples", sep="\n")
    sys.exit(bool(found))


main()
