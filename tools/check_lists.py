#!/usr/bin/env python3
"""check_lists.py: every .list names each file of its folder once, and is sorted where its order means nothing."""
import re
import sys
from pathlib import Path

# list: (folder of the entries, what an entry's file is called, whether the order is free and so must be sorted)
LISTS = {
    "src/models/models.list": ("src/models", "{}.cc", True),
    "src/tensor/quant/formats.list": ("src/tensor/quant", "{}.h", True),
    "src/ops/ops.list": ("src/ops", "{}.cc", True),
    "src/graph/passes.list": ("src/graph/passes", "{}.cc", False),
    "src/backends/backends.list": ("src/backends", "{}", True),
    "src/backends/cpu/cpu_ops.list": ("src/backends/cpu", "../../ops/{}.cc", True),
    "src/sched/policies.list": ("src/sched/policies", "{}.cc", False),
    "src/engine/samplers.list": ("src/engine/samplers", "{}.cc", False),
    "src/engine/adaptation/knobs.list": ("src/engine/adaptation/knobs", "{}.cc", True),
    "src/compress/methods.list": ("src/compress/methods", "{}.cc", False),
    "src/compress/parts.list": ("src/compress/parts", "{}.cc", True),
    "src/text/tokenizers.list": ("src/text", "{}.cc", True),
    "src/text/chat_formats.list": ("src/text/chat_formats", "{}.cc", False),
    "src/server/routes.list": ("src/server/routes", "{}.cc", True),
    "src/text/grammar/grammar_forms.list": ("src/text/grammar/forms", "{}.cc", False),
    "src/plan/loads.list": ("src/plan/loads", "{}.cc", False),
    "src/cli/commands.list": ("src/cli/commands", "{}.cc", True),
}
# A folder may hold other files beside the listed ones: what defines a descriptor of the list's kind must be listed.
# MODEL(llama) stands for "const ModelDesc k_model_llama".
DESCRIPTOR = r"^const {}Desc k_[a-z]+_(\w+) ="


def listed(path):
    return re.findall(r"^[A-Z_]+\((\w+)", path.read_text(), re.M)


def check(path, folder, pattern, is_sorted):
    names = listed(path)
    for name in names:
        if not (Path(folder) / pattern.format(name)).exists():
            yield f"{path}: {name}: no {folder}/{pattern.format(name)}"
    for name in {n for n in names if names.count(n) > 1}:
        yield f"{path}: {name}: listed twice"
    if is_sorted and names != sorted(names):
        yield f"{path}: not sorted"
    kinds = re.findall(r"^([A-Z_]+)\(", path.read_text(), re.M)
    kind = kinds[0].title().replace("_", "") if kinds else ""
    for file in sorted(Path(folder).glob("*.cc")):
        for name in re.findall(DESCRIPTOR.format(kind), file.read_text(), re.M):
            if name not in names:
                yield f"{file}: {name}: missing from {path}"


def main():
    found = [line for path, spec in LISTS.items() if Path(path).exists() for line in check(Path(path), *spec)]
    print(*found, f"lists: {len(found)} problem(s)" if found else "lists: clean", sep="\n")
    sys.exit(bool(found))


main()
