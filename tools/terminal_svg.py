#!/usr/bin/env python3
"""terminal_svg.py IN.txt OUT.svg: a picture of a terminal from a transcript, for the README.

Lines that start with "$ " or "> " are what a person typed (bright), lines that start with "# " are shown grey without
the mark, all others are output.
"""
import sys
import textwrap
from pathlib import Path
from xml.sax.saxutils import escape

COLUMNS, LINE, LEFT, TOP = 96, 19, 18, 46
COLORS = {"typed": "#f8fafc", "output": "#a7f3d0", "note": "#94a3b8"}


def styled(text):
    for line in text.splitlines():
        kind = "typed" if line.startswith(("$ ", "> ")) else "note" if line.startswith("# ") else "output"
        line = line[2:] if kind == "note" else line
        for part in textwrap.wrap(line, COLUMNS, drop_whitespace=False) or [""]:
            yield kind, part


def main():
    lines = list(styled(Path(sys.argv[1]).read_text()))
    width, height = LEFT * 2 + COLUMNS * 8, TOP + LINE * len(lines) + 12
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">',
           f'<rect width="{width}" height="{height}" rx="10" fill="#0f172a"/>']
    out += [f'<circle cx="{22 + 20 * i}" cy="20" r="6" fill="{c}"/>' for i, c in enumerate(("#f87171", "#fbbf24", "#4ade80"))]
    for i, (kind, text) in enumerate(lines):
        out.append(f'<text x="{LEFT}" y="{TOP + LINE * i}" fill="{COLORS[kind]}" font-size="13.3" xml:space="preserve" '
                   f'font-family="ui-monospace, Menlo, Consolas, monospace">{escape(text)}</text>')
    Path(sys.argv[2]).write_text("\n".join(out + ["</svg>"]) + "\n")


main()
