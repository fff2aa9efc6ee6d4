"""What the tables of bench/ have in common: the machine, models by name, medians."""
import json
import os
import statistics
import subprocess
from pathlib import Path


def place(text):
    """Whole, since programs run elsewhere; links stay, since a virtual environment is one."""
    return Path(text).absolute()


def find_model(tern, name):
    """The file or folder; a name of the catalogue is pulled."""
    if Path(name).exists():
        return place(name)
    subprocess.run([tern, "pull", name], check=True, stdout=subprocess.DEVNULL)
    models = json.loads(subprocess.run([tern, "list", "--json"], check=True, capture_output=True, text=True).stdout)
    return next(Path(model["path"]) for model in models if model["name"] == name)


def spread(values):
    digits = 0 if statistics.median(values) >= 100 else 1
    around = f" ({min(values):.{digits}f}-{max(values):.{digits}f})" if len(values) > 1 else ""
    return f"{statistics.median(values):.{digits}f}{around}"


def machine():
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    flags = fields.get("flags", "").split()
    known = [name for flag, name in (("avx2", "AVX2"), ("avx_vnni", "AVX-VNNI"), ("avx512_vnni", "AVX-512 VNNI"),
                                     ("avx512_bf16", "AVX-512 BF16")) if flag in flags]
    virtual = ", virtual machine" if "hypervisor" in flags else ""
    return f"{fields.get('model name', 'unknown CPU')}{virtual}, {os.cpu_count()} logical CPUs, {', '.join(known)}"


def table(head, rows):
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, *rows]]
    return [lines[0], "|---" * len(head) + "|", *lines[1:]]


def svg_pyplot():
    """Of matplotlib, for SVG; the same picture from the same figures. Saved with metadata={"Date": None}."""
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    pyplot.rcParams["svg.hashsalt"] = "tern"
    return pyplot
