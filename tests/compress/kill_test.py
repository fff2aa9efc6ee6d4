#!/usr/bin/env python3
"""kill_test.py TERN [--kills 5] [--model MODEL --size SIZE] [--seed N]: `tern compress` ended by SIGKILL at random moments.

Whenever it is killed, what stood at OUT before stands there still, or the new file, whole. The same command then goes
on, and what it makes in the end has the weights and the recipe of a run that nobody disturbed. Also: a disk without
room, and a limit on file sizes, are errors that name the file, and leave the old one as it was.

Without --model, a model of some kilobytes is made. By hand: --kills 20 --model smollm2 --size 80M.
"""
import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
OLD = b"what was here before"


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tern", type=lambda text: Path(text).resolve())
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--model")
    parser.add_argument("--size", default="43k")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Compressing:
    def __init__(self, tern, model, size, folder):
        self.tern, self.folder, self.out = tern, folder, folder / "small.gguf"
        self.command = [tern, "compress", model, "--size", size, "--generated-tokens", "0", "--windows", "2", "-t", "1", "-o", self.out]

    def run(self, **more):
        return subprocess.run(self.command, capture_output=True, text=True, timeout=3600, **more)

    def finish(self):
        done = self.run()
        assert done.returncode == 0, done.stderr
        names = sorted(path.name for path in self.folder.iterdir())
        assert names == ["small.gguf", "small.gguf.toml"], f"left behind: {names}"
        return self.made()

    def made(self):
        return self.out.read_bytes(), (self.folder / "small.gguf.toml").read_bytes()

    def kill_after(self, seconds):
        """True if it was killed, false if it had ended by then."""
        process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True
        assert process.returncode == 0, process.returncode
        return False


def clear(folder):
    for path in folder.iterdir():
        path.unlink()


def kills(job, count, seed):
    began = time.monotonic()
    expected = job.finish()
    whole = time.monotonic() - began
    numbers, killed, gone_on = random.Random(seed), 0, 0
    while killed < count:
        clear(job.folder)
        job.out.write_bytes(OLD)
        while job.kill_after(numbers.uniform(0.02, whole)):  # each run is shorter than the last one
            killed += 1
            assert job.out.read_bytes() in (OLD, expected[0]), "neither old nor new"
            gone_on += (job.folder / "small.gguf.work").exists()
            if killed >= count:
                break
        assert job.finish() == expected, "another file than without a kill"
    print(f"{killed} kills within {whole:.1f} s, {gone_on} left work behind: fine")


def too_little_room(job):
    """A limit on the size of files does what a full disk does, to whoever may not mount one."""
    clear(job.folder)
    job.out.write_bytes(OLD)
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    done = job.run(preexec_fn=limit)
    assert done.returncode == 1 and "small.gguf" in done.stderr and "File too large" in done.stderr, (done.returncode, done.stderr)
    assert job.out.read_bytes() == OLD
    job.finish()


def full_disk(job):
    """The same with a file system of 40 kB, where mounting one is allowed."""
    clear(job.folder)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", job.folder], capture_output=True).returncode != 0:
        print("full disk: not tried, mount is not allowed")
        return
    try:
        job.out.write_bytes(OLD)
        done = job.run()
        assert done.returncode == 1 and "No space left on device" in done.stderr, (done.returncode, done.stderr)
        assert job.out.read_bytes() == OLD
    finally:
        subprocess.run(["umount", job.folder], check=True)


def main():
    args = read_arguments()
    with tempfile.TemporaryDirectory() as name:
        folder, model = Path(name) / "out", Path(name) / "tiny.gguf"
        folder.mkdir()
        if args.model is None:
            subprocess.run([sys.executable, SOURCE / "tests/tiny_gguf.py", model], check=True)
        job = Compressing(args.tern, args.model or model, args.size, folder)
        kills(job, args.kills, args.seed)
        if args.model is None:
            too_little_room(job)
            full_disk(job)
    print("compress, killed: fine")


main()
