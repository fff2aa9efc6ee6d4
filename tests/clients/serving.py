"""A `tern serve` of a test."""
import re
import subprocess

KEY = "a-key"


class Server:
    """Starts at once; url() waits until it is there."""

    def __init__(self, tern, model, *options):
        self.process = subprocess.Popen(
            [tern, "serve", model, "--port", "0", "--api-key", KEY, "--log", "none", *options], stderr=subprocess.PIPE, text=True)

    def url(self):
        while line := self.process.stderr.readline():  # what it says before is about its options
            if there := re.search(r" on (http://[^,]+),", line):
                return there.group(1)
        raise RuntimeError("tern serve did not start")

    def tell_to_end(self):
        self.process.terminate()

    def status(self):
        """When it has finished what was under way."""
        self.process.communicate(timeout=60)
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.communicate()
