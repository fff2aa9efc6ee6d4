#!/usr/bin/env python3
"""Stands for `python3 -m pip download ... -d FOLDER package==version` where a test is not about pip itself, which
takes a second to start. Takes wheels from $PIP_FIND_LINKS."""
import os
import shutil
import sys
from pathlib import Path

words = sys.argv[1:]
assert words[:3] == ["-m", "pip", "download"], words
assert "--no-deps" in words and "--only-binary=:all:" in words, words
package, _, version = words[-1].partition("==")
found = sorted(Path(os.environ["PIP_FIND_LINKS"]).glob(f"{package.replace('-', '_')}-{version or '*'}-*.whl"))
if not found:
    print(f"ERROR: No matching distribution found for {words[-1]}")
    sys.exit(1)
shutil.copy(found[-1], words[words.index("-d") + 1])
