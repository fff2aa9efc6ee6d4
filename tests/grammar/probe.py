"""The program grammar_probe as a function, and the vocabularies that the tests try."""
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


class Probe:
    def __init__(self, program, models):
        args = [word for model in models for word in ("--model", str(model))]
        self.process = subprocess.Popen([program, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, form, source, **request):
        line = json.dumps({"form": form, "source": source, **request})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"grammar_probe died of {line}"
        return json.loads(answer)


def models(folder, pulled):
    """A vocabulary of bytes, made in `folder`, and those of the catalogue that are on this machine."""
    tiny = Path(folder) / "tiny.gguf"
    subprocess.run([sys.executable, HERE.parent / "tiny_gguf.py", tiny], check=True)
    return [tiny, *pulled]


def pulled_models(tern):
    """Of the catalogue's models those that are on this machine."""
    lines = subprocess.run([tern, "list"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split()[-1] for line in lines if line.split()[:1] in (["smollm2"], ["gemma3-270m"])]
