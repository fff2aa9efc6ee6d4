#!/usr/bin/env python3
"""run.py SUITE TERN FOLDER: clients that others wrote, against TERN (the program) as it serves smollm2 and minilm.

SUITE is python, node or by_hand. The clients are installed in FOLDER once. Exit 77: they cannot be had, as it says.
"""
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from serving import KEY, Server

HERE = Path(__file__).resolve().parent
# What a suite needs, and how each of its files is run.
SUITES = {"python": ("requirements.txt", ["openai_python", "anthropic_python", "ollama_python", "langchain_python"]),
          "node": ("package-lock.json", ["openai_node", "ai_sdk", "langchain_js"]),
          "by_hand": ("requirements_by_hand.txt", ["litellm_python"])}


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def install_python(folder, requirements):
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements], check=True)


def install_node(folder, lock):
    for name in ("package.json", lock.name, *[file.name for file in HERE.glob("*.mjs")]):
        shutil.copy(HERE / name, folder)
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)


def installed(suite, folder):
    """The folder that has what the suite's lock names; made, where it is not there yet or of another lock."""
    lock = HERE / SUITES[suite][0]
    ready = folder / "ready"
    if ready.exists() and ready.read_text() == lock.read_text():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        (install_node if suite == "node" else install_python)(folder, lock)
    except (OSError, subprocess.CalledProcessError) as error:
        skip(f"what {lock.name} names cannot be installed: {error}")
    ready.write_text(lock.read_text())
    return folder


def commands(suite, folder):
    for name in SUITES[suite][1]:
        if suite == "node":
            file = f"{name}.test.mjs"
            for script in HERE.glob("*.mjs"):  # node looks for packages beside a script
                shutil.copy(script, folder)
            yield name, ["node", "--test", "--test-reporter=spec", folder / file]
        else:
            yield name, [folder / "bin/python", HERE / f"{name}.py"]


def main():
    suite, tern, folder = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve()
    started = time.monotonic()
    folder = installed(suite, folder / suite)
    print(f"installed: {time.monotonic() - started:.1f} s", flush=True)
    started = time.monotonic()
    failed = []
    servers = {"CHAT": Server(tern, "smollm2", "--context", "2048"), "EMBED": Server(tern, "minilm"),
               "NARROW": Server(tern, "smollm2", "--context", "512", "--parallel", "1", "--queue", "1")}
    try:
        urls = {f"TERN_{name}_URL": server.url() for name, server in servers.items()}
        environment = {**os.environ, **urls, "TERN_KEY": KEY, "TERN_BINARY": str(tern)}
        for name, command in commands(suite, folder):
            begun = time.monotonic()
            if subprocess.run(command, env=environment).returncode != 0:
                failed.append(name)
            print(f"{name}: {time.monotonic() - begun:.1f} s", flush=True)
    finally:
        for server in servers.values():
            server.kill()
    print(f"run: {time.monotonic() - started:.1f} s; failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
