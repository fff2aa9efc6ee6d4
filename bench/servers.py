"""Servers that the programs of bench/ start, and what they say of themselves."""
import os
import shlex
import subprocess
import time
import urllib.request
from pathlib import Path


class Server:
    """A server that was started, and ends with the program."""

    def __init__(self, name, command, ready, port):
        self.name, self.port = name, port
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while not self.answers(ready):
            if time.monotonic() > end or self.process.poll() is not None:
                self.end()
                raise SystemExit(f"{name}: does not answer: {shlex.join(str(word) for word in command)}")
            time.sleep(0.1)

    def answers(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def thread_seconds(self):
        """Processor time by thread."""
        ticks, seconds = os.sysconf("SC_CLK_TCK"), {}
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            seconds[task.name] = (int(fields[11]) + int(fields[12])) / ticks
        return seconds

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def versions(tern, llama_server):
    told = [subprocess.run([tern, "version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]]
    if llama_server:
        done = subprocess.run([llama_server, "--version"], capture_output=True, text=True, check=False)
        told.append("llama.cpp " + (done.stdout + done.stderr).strip().split("\n")[-2 if "built" in done.stderr else -1])
    return told
