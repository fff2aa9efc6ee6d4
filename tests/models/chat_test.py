#!/usr/bin/env python3
"""chat_test.py TERN: the chat of `tern run`, driven through a pseudo-terminal as a person would.

Everything that is waited for has a deadline; what the terminal showed is printed when a check fails.
"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][0-9A-B]|\x1b[=>]|\x07")
FIGURES = re.compile(r"\d+ prompt.* \+ \d+ tokens, first after \d+ ms.* MiB\n")
MAX_TOKENS = 400
UP, LEFT, RIGHT = "\x1b[A", "\x1b[D", "\x1b[C"
BACKSPACE, CTRL_C, CTRL_D = "\x7f", "\x03", "\x04"


class Terminal:
    """A program on a terminal of 200 columns; what it shows, without escape sequences."""

    def __init__(self, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
            os.environ.pop("NO_COLOR", None)
            os.execv(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.raw = b""
        self.seen = 0  # of text(): what was waited for already

    def text(self):
        return ESCAPES.sub("", self.raw.decode("utf-8", "replace")).replace("\r", "")

    def read(self, seconds):
        """False: the program closed the terminal."""
        if not select.select([self.fd], [], [], max(0, seconds))[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # Linux says EIO when the other side is closed
            return False
        self.raw += data
        return bool(data)

    def wait(self, pattern, seconds=60):
        """Waits until `pattern` (a regex) shows up behind what was waited for before; returns the text up to its end."""
        end = time.monotonic() + seconds
        while True:
            text = self.text()
            found = re.search(pattern, text[self.seen:], re.S)
            if found:
                start, self.seen = self.seen, self.seen + found.end()
                return text[start:self.seen]
            if time.monotonic() > end or not self.read(end - time.monotonic()):
                self.fail(f"waited {seconds} s for {pattern!r}")

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def say(self, line, pattern=r"\n> $", seconds=60):
        """Types a line; what is shown until the next prompt."""
        self.type(line + "\r")
        return self.wait(pattern, seconds)

    def fail(self, what):
        print(f"FAIL {what}\n---- the terminal showed ----\n{self.text()}\n----")
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        sys.exit(1)

    def check(self, condition, what):
        if not condition:
            self.fail(what)
        print(f"ok   {what}")

    def exit_code(self, seconds=20):
        end = time.monotonic() + seconds
        while self.read(end - time.monotonic()) and time.monotonic() < end:
            pass
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        self.fail("did not leave")


def saved(t, folder):
    """The conversation as /save writes it."""
    path = folder / "saved.json"
    shown = t.say(f"/save {path}")
    if not path.exists():
        t.fail(f"/save wrote nothing: {shown!r}")
    messages = json.loads(path.read_text())["messages"]
    path.unlink()
    return [(m["role"], m["content"]) for m in messages]


def check_answers(t, folder):
    shown = t.say("What is the capital of France? Answer with one word.")
    t.check("Paris" in shown, "it answers")
    t.check(FIGURES.search(shown), "a line of figures ends the answer")
    figures = FIGURES.search(shown).group()
    t.check(figures in t.say("/stats"), "/stats repeats the figures")
    roles = [role for role, _ in saved(t, folder)]
    t.check(roles == ["user", "assistant"], "/save writes the conversation")
    shown = t.say("And of Italy?")
    t.check("Rome" in shown and "cached" in shown, "it remembers what was said, and computes only what is new")


def check_commands(t, folder):
    shown = t.say("/help")
    commands = ("/help", "/system", "/set", "/save", "/load", "/clear", "/stats", "/bye")
    t.check(all(command in shown for command in commands), "/help lists the commands")
    t.check("/helo: no such command" in t.say("/helo"), "an unknown command is an error, not a message")
    t.check("temperature" in t.say("/set"), "/set lists the options")
    t.say("/set temperature 0.5")
    t.check(re.search(r"temperature +0\.5", t.say("/set")), "/set changes one")
    t.check("top-p: 7, expected 0 to 1" in t.say("/set top-p 7"), "/set refuses what is out of range")
    t.check("nonsense" in t.say("/set nonsense 1"), "/set refuses what there is not")
    t.check("number" in t.say("/set top-k many"), "/set refuses what is no number")
    t.say("/set temperature 0")


def check_files(t, folder):
    path = folder / "kept.json"
    before = saved(t, folder)
    t.say(f"/save {path}")
    t.say("/clear")
    t.check(saved(t, folder) == [], "/clear forgets")
    t.say(f"/load {path}")
    t.check(saved(t, folder) == before and before, "/load brings a saved conversation back")
    t.check(f"{path}x: cannot open" in t.say(f"/load {path}x"), "/load of a missing file is an error")
    path.write_text('{"messages": [{"role": "user"}]}')
    t.check("expected" in t.say(f"/load {path}") and saved(t, folder) == before, "a malformed file changes nothing")
    t.check("expected a file name" in t.say("/load"), "/load wants a name")
    t.check("\n/nowhere/all.json: cannot create" in t.say("/save /nowhere/all.json"), "/save says what it cannot write")
    t.say("/system You answer in one word.")
    t.check(saved(t, folder) == [("system", "You answer in one word.")], "/system starts over")


def check_input(t, folder):
    t.say("/clear")
    t.type("one \\\r")
    t.wait(r"\n\. $")
    t.say("two")
    t.check(saved(t, folder)[-2] == ("user", "one \ntwo"), "a backslash continues the line")
    t.say("/clear")
    for line in ('"""', "first", "", "  third"):
        t.type(line + "\r")
        t.wait(r"\n\. $")
    t.say('"""')
    t.check(saved(t, folder)[-2] == ("user", "first\n\n  third"), "three quotes hold a block")
    # While a line is edited the prompt may show again: what is waited for is what the line brings about.
    shown = t.say(UP + BACKSPACE * 200 + "/stast" + LEFT + BACKSPACE + RIGHT + BACKSPACE + "ts",
                  FIGURES.pattern + "> $")
    t.check(FIGURES.search(shown), "a recalled line is edited")
    t.say("/clear")
    t.say("na\u00efve \u00fc\u00e9" + BACKSPACE + LEFT + BACKSPACE + "!")
    t.check(saved(t, folder)[-2] == ("user", "na\u00efve!\u00fc"), "whole characters are edited")
    t.check("\u00fc" in t.say(UP + UP, "\u00fc.*\n> $"), "the arrow brings earlier lines back")


def check_interrupts(t, folder):
    t.say("/clear")
    t.type("Write a long story about a dragon and a princess.\r")
    t.wait(r"princess\.\n.{60}")
    t.type(CTRL_C)
    shown = t.wait(r"\n> $", 30)
    tokens = int(re.search(r" \+ (\d+) tokens", FIGURES.search(shown).group()).group(1))
    t.check(tokens < MAX_TOKENS, f"Ctrl-C stops the answer (after {tokens} tokens) and not the program")
    t.check(saved(t, folder)[-1][0] == "assistant", "what was said so far is kept")
    t.type("half a li")
    t.wait("half a li")
    t.type(CTRL_C)
    t.check("Ctrl-D leaves" in t.wait(r"\n> $", 10), "Ctrl-C at the prompt drops the line")
    t.check(FIGURES.search(t.say("Say hi.")), "and the next one is answered")
    t.check(saved(t, folder)[-2] == ("user", "Say hi."), "without what was dropped")


def chat(tern, folder):
    t = Terminal(tern, "run", "smollm2", "--temperature", "0", "--max-tokens", str(MAX_TOKENS))
    t.check("/help lists commands" in t.wait(r"\n> $"), "it greets")
    for check in (check_commands, check_answers, check_files, check_input, check_interrupts):
        check(t, folder)
    t.type(CTRL_D)
    t.check(t.exit_code() == 0, "Ctrl-D leaves with exit code 0")


def plain_text(tern):
    t = Terminal(tern, "run", "gemma3-270m", "--temperature", "0", "--max-tokens", "8")
    t.check("no chat template" in t.wait(r"\n> $"), "a base model says that it completes plain text")
    t.check("Paris" in t.say("The capital of France is the city of"), "and does")
    t.check("no chat template" not in t.say("The capital of Italy is the city of"), "it says so once")
    t.check("/system: completing plain text" in t.say("/system Be brief."), "and has no use for a system prompt")
    t.type("/bye\r")
    t.check(t.exit_code() == 0, "/bye leaves with exit code 0")


def one_shot(tern):
    t = Terminal(tern, "run", "smollm2", "Write a long story about a dragon.", "--temperature", "0")
    t.wait(r".{60}")
    t.type(CTRL_C)
    t.check(t.exit_code() == 130, "Ctrl-C ends a single answer with exit code 130")
    t.check(FIGURES.search(t.text()), "after its line of figures")


def main():
    tern = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        chat(tern, Path(name))
    plain_text(tern)
    one_shot(tern)


main()
