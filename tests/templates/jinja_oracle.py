"""Jinja2 set up as Transformers sets it up for chat templates, and `tern template` beside it."""
import datetime
import json
import subprocess

import jinja2
import jinja2.ext
import jinja2.sandbox

DATE = datetime.datetime(2026, 2, 3)


class Generation(jinja2.ext.Extension):
    """{% generation %}: a call block whose text is passed through."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_text"), [], [], body).set_lineno(line)

    def _text(self, caller):
        return caller()


class Namespace(jinja2.utils.Namespace):
    def __init__(*args, **kwargs):
        self, values = args[0], dict(*args[1:], **kwargs)
        for name in values:
            Namespace.check(name)
        jinja2.utils.Namespace.__init__(self, values)

    def __setitem__(self, name, value):
        Namespace.check(name)
        super().__setitem__(name, value)

    @staticmethod
    def check(name):
        if str(name).startswith("_"):
            raise jinja2.exceptions.SecurityError(f"underscore: {name}")


class Dict:
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)

    def fromkeys(self, *args):
        return dict.fromkeys(*args)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = to_json
    env.globals.update(raise_exception=raise_exception, strftime_now=DATE.strftime, dict=Dict(), namespace=Namespace)
    return env


def parse(env, source):
    """A template, or the exception that it is none."""
    try:
        return env.from_string(source)
    except Exception as error:
        return error


def render(template, variables):
    """{"text": ...} or {"error": ...}, as `tern template --jsonl` answers. `template` is what parse() gave."""
    try:
        if isinstance(template, Exception):
            raise template
        return {"text": template.render(**variables)}
    except Exception as error:  # whatever Python raises is how the template fails
        return {"error": f"{type(error).__name__}: {error}"}


class Tern:
    """`tern template --jsonl`, one process for all questions."""

    def __init__(self, path):
        self.process = subprocess.Popen([path, "template", "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, encoding="utf-8", errors="surrogatepass")

    def render(self, path, variables):
        request = {"template": str(path), "input": variables, "date": DATE.strftime("%Y-%m-%d")}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())
