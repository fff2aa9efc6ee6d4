"""Random template programs, the same for the same seed on every machine.

They lean on what chat templates do, use every filter, test and method that Tern knows, and mostly make sense: a few wrong
types and names are left in, so that failing is compared, too. What Python prints with an address, or takes forever, is not
made.
"""
import random

VARIABLES = {
    "s": "Hello, World", "t": "  padded \n", "u": "Zürich 🌦️ ﬁn İı ΑΣ", "h": "<a href='x'>&\"q\"</a>", "empty": "",
    "lines": "one\n  two\r\n\nthree", "n": 7, "m": -3, "z": 0, "f": 2.5, "g": -0.125, "big": 12345678901234567890, "yes": True,
    "no": False, "none": None, "xs": [3, 1, 2, 3], "ys": ["b", "a", "C", "a"], "mixed": [1, "1", None, True, 1.0, [2]],
    "nested": [[1, 2], [3, 4], [5, 6]], "d": {"b": 1, "a": "two", "C": None, "items": [1]}, "deep": {"k": {"l": [{"m": "x"}]}},
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " Hi <|im_end|>\n"},
                 {"role": "assistant", "content": None, "tool_calls": [
                     {"function": {"name": "f", "arguments": {"x": 1, "y": [True, "é"]}}}]},
                 {"role": "tool", "name": "f", "content": "ok"},
                 {"role": "user", "content": [{"type": "text", "text": "part"}, {"type": "image"}]}],
    "tools": [{"type": "function", "function": {"name": "f", "description": "d\"\n", "parameters": {
        "type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "array"}}, "required": ["x"]}}}],
}
OF_TYPE = {"str": ["s", "t", "u", "h", "empty", "lines"], "int": ["n", "m", "z", "yes"], "float": ["f", "g"],
           "bool": ["yes", "no"], "list": ["xs", "ys", "mixed", "nested", "messages", "tools"], "dict": ["d", "deep"]}
NAMES = ["a", "b", "c", "x", "s", "n", "item"]  # what programs assign
TYPES = ["str", "str", "str", "int", "float", "bool", "list", "dict"]
TEXTS = ["text", " ", "\n", "\n\n", "  indented\n", "\t", "<|im_start|>", "{ }", "é", "a\n  b\n    ", "%}", "#", "\r\n", "'\""]
STRINGS = ["'a'", "'b c'", '"it\'s"', "'\\n'", "'\\t x'", "' '", "''", "'A,b,,C'", "'é'", "'\\u00e9\\x41'", "'%s'", "'{}'",
           "'<|end|>'", "'12'", "' -3 '", "'1.5e2'", "'\\\\'", "'\\q'", "'role'", "'content'", "'x' 'y'"]
KEYS = ["'a'", "'b'", "'C'", "'items'", "'k'", "'role'", "'content'", "'missing'", "1", "n"]
ATTRIBUTES = ["a", "b", "C", "items", "k", "role", "content", "missing", "name"]


class Program:
    """One program. `text` is its source."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.loops = self.macros = self.scopes = 0
        self.text = self.block(self.random.randint(1, 4), self.random.randint(2, 6))

    # --- choices

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def pick(self, *choices):
        return self.random.choice(choices)

    def make(self, depth, *makers):
        return self.pick(*makers)(depth - 1)

    # --- statements

    def block(self, depth, most=3):
        return "".join(self.statement(depth) for _ in range(self.random.randint(1, most)))

    def tag(self, inside):
        return "{%" + self.pick("", "", "-", "-", "+") + " " + inside + " " + self.pick("", "", "-", "-", "+") + "%}"

    def print(self, depth):
        space = self.pick(" ", " ", "")
        expr = self.expr(self.random.randint(0, depth + 1))
        expr = f" {expr}" if expr[0] in "{-+" else space + expr
        return "{{" + self.pick("", "", "-") + expr + (" " if expr[-1] in "}-" else space) + self.pick("", "", "-") + "}}"

    def statement(self, depth):
        if depth <= 0 or self.chance(25):
            return self.make(depth + 1, self.data, self.print, self.print)
        return self.make(depth, self.print, self.print, self.data, self.if_, self.if_, self.for_, self.for_, self.for_, self.set_,
                         self.set_, self.set_block, self.macro, self.call_block, self.filter_block, self.with_, self.namespace,
                         self.raw, self.comment, self.generation, self.loop_control)

    def data(self, _):
        return self.pick(*TEXTS)

    def raw(self, _):
        return "{%" + self.pick("", "-") + " raw " + self.pick("", "-") + "%}" + self.pick("{{ x }}", "{% if %}", " text ", "\n{#") + self.tag("endraw")

    def comment(self, _):
        return "{#" + self.pick("", "-", "+") + self.pick(" note ", " {{ x }} ", "\n") + self.pick("", "-", "+") + "#}"

    def if_(self, depth):
        text = self.tag("if " + self.condition(2)) + self.block(depth)
        while self.chance(25):
            text += self.tag("elif " + self.condition(1)) + self.block(depth)
        if self.chance(40):
            text += self.tag("else") + self.block(depth)
        return text + self.tag("endif")

    def for_(self, depth):
        if self.chance(10):
            return self.recursive_loop()
        target, items = self.pick(
            (self.name(), self.list(2)), (self.name(), self.list(2)), ("k, v", self.dict(1) + self.pick(".items()", "|items", "|dictsort")),
            ("a, b", "nested"), ("message", "messages"), ("m", "messages" + self.slice()), (self.name(), self.str(1)),
            ("(a, b), c", "[((1, 2), 3), ('xy', none)]"))
        head = f"for {target} in {items}" + (f" if {self.condition(1)}" if self.chance(20) else "")
        self.loops += 1
        body = self.block(depth)
        self.loops -= 1
        other = self.tag("else") + self.block(depth, 1) if self.chance(20) else ""
        return self.tag(head) + body + other + self.tag("endfor")

    def recursive_loop(self):
        inside = self.pick("{{ loop(x) }}", "{{- loop(x) -}}", "{{ loop(x)|length }}")
        return (self.tag("for x in [[1, [2]], [3]] recursive") + "{{ loop.depth }}" + self.tag("if x is iterable") + inside +
                self.tag("else") + "{{ x }}/{{ loop.index }}" + self.tag("endif") + self.tag("endfor"))

    def loop_control(self, _):
        if not self.loops:
            return ""
        return self.tag("if " + self.condition(1)) + self.tag(self.pick("break", "continue")) + self.tag("endif")

    def set_(self, _):
        if self.chance(10):
            return self.tag(f"set {self.name()}, {self.name()} = " + self.pick("1, 2", "nested[0]", "'ab'"))
        return self.tag(f"set {self.name()} = {self.expr(2)}")

    def set_block(self, depth):
        filters = self.pick("", "", " | trim", " | upper | length", " | replace('a', 'b')")
        return self.tag(f"set {self.name()}{filters}") + self.block(depth) + self.tag("endset")

    def namespace(self, depth):
        return (self.tag(f"set ns = namespace({self.pick('', 'x=0', 'x=s, y=none', 'd')})") + self.block(depth, 2) +
                self.tag(f"set ns.{self.pick('x', 'y')} = {self.expr(1)}") + "{{ ns.x }}{{ ns.y is defined }}")

    def macro(self, depth):
        name = self.pick("f1", "f2")
        parameters = self.pick("a", "a", "a, b=1", "a, b=a", "x, y='d', z=none", "s=2")
        loops, self.loops = self.loops, 0
        body = self.block(depth) + self.pick("", "{{ varargs }}", "{{ kwargs }}", "{{ caller() if caller }}", "{{ a }}{{ b }}")
        self.loops = loops
        return (self.tag(f"macro {name}({parameters})") + body + self.tag("endmacro") +
                "{{ " + f"{name}({self.arguments('b' if 'b' in parameters else 'y')})" + self.pick("", "|trim", " ~ s", "|length") + " }}")

    def arguments(self, name):
        return ", ".join([self.expr(1) for _ in range(self.pick(0, 1, 1, 1, 2))] + (
            self.pick([f"{name}={self.expr(1)}"], ["*xs"], [f"**{{'{name}': 1}}"]) if self.chance(30) else []))

    def call_block(self, depth):
        loops, self.loops = self.loops, 0
        body = self.block(depth, 2)
        self.loops = loops
        given, taken = self.pick(("()", ""), ("(1, n)", "(p, q)"), ("(s)", "(p)"))
        return (self.tag("macro f3(a='')") + "[{{ a }}{{ caller" + given + " }}]" + self.tag("endmacro") +
                self.tag(f"call{taken} f3({self.pick('', '1', 's')})") + body + self.tag("endcall"))

    def filter_block(self, depth):
        loops, self.loops = self.loops, 0  # Jinja does not allow them inside either
        text = self.tag("filter " + self.pick("upper", "trim", "replace('a', 'b')", "indent(2)", "title|trim", "length"))
        text += self.block(depth) + self.tag("endfilter")
        self.loops = loops
        return text

    def with_(self, depth):
        return self.tag(f"with {self.name()} = {self.expr(1)}, q = {self.expr(1)}") + self.block(depth) + self.tag("endwith")

    def generation(self, depth):
        loops, self.loops = self.loops, 0
        text = self.tag("generation") + self.block(depth, 2) + self.tag("endgeneration")
        self.loops = loops
        return text

    # --- expressions

    def name(self):
        return self.pick(*NAMES)

    def expr(self, depth):
        return self.of(self.pick(*TYPES), depth)

    def of(self, kind, depth):
        if self.chance(3):
            kind = self.pick(*TYPES)
        if self.chance(6):
            return self.pick(*NAMES, *NAMES, "undefined_name", "none", "(1, 'x')", "loop" if self.loops else "ns")
        return getattr(self, kind)(depth)

    def condition(self, depth):
        return self.bool(depth) if self.chance(80) else self.expr(depth)

    def paren(self, text):
        return f"({text})" if self.chance(95) else text

    def str(self, depth):
        if depth <= 0:
            return self.pick(*STRINGS, *OF_TYPE["str"], "messages[0].role", "messages[1]['content']", "tools[0].function.name")
        return self.make(depth, self.str_operator, self.str_filter, self.str_filter, self.str_method, self.str_index, self.str_if)

    def str_operator(self, depth):
        a, b = self.of("str", depth), self.of("str", depth)
        return self.pick(f"({a} + {b})", f"({a} ~ {self.expr(depth)})", f"{a} ~ {b}", f"{a} + {b}", f"({a} * {self.pick('2', '3', 'm')})",
                         f"('%s-%r' % ({a}, {self.expr(depth)}))", f"'%5.2f|%03d|%x' % ({self.of('float', 0)}, {self.of('int', 0)}, 255)")

    def str_if(self, depth):
        other = f" else {self.of('str', depth)}" if self.chance(70) else ""
        return f"({self.of('str', depth)} if {self.condition(depth)}{other})"

    def str_index(self, depth):
        return self.paren(self.of("str", depth)) + self.pick(self.slice(), self.slice(), "[0]", "[-1]", "[n]")

    def slice(self):
        part = lambda: self.pick("", "", "1", "-1", "2", "n", "-2", "100", "none")
        return f"[{part()}:{part()}" + self.pick("", "", ":", ":-1", ":2") + "]"

    def str_filter(self, depth):
        value = self.paren(self.expr(depth) if self.chance(30) else self.of("str", depth))
        return value + "|" + self.pick(
            "trim", "trim", "upper", "lower", "title", "capitalize", "string", "tojson", "tojson", "tojson(indent=2)", "tojson(indent=4)",
            "tojson(ensure_ascii=true)", "tojson(separators=(',', ':'))", "tojson(sort_keys=true)", "e", "escape", "safe", "forceescape",
            "replace('a', 'bb')", "replace('l', '', 1)", "indent", "indent(3, true)", "indent(2, first=true, blank=true)",
            "indent('> ')", "center(15)", "truncate(5)", "truncate(5, true)", "truncate(6, true, '..', 0)", "wordcount|string",
            "urlencode", "default('d')", "default('d', true)", "d(s)", "first", "last", "join", "join('-')", "format(1)", "trim('a ')",
            "list|join(', ')", "reverse")

    def str_method(self, depth):
        return self.paren(self.of("str", depth)) + "." + self.pick(
            "strip()", "lstrip()", "rstrip()", "strip('ab ')", "lstrip('\\n ')", "rstrip('!d')", "upper()", "lower()", "title()",
            "capitalize()", "swapcase()", "casefold()", "replace('l', 'L')", "replace('a', '', 1)", "split()[0]", "split(',')[-1]",
            "split('l', 1)[1]", "rsplit(' ', 1)[0]", "splitlines()[0]", "partition('o')[2]", "rpartition('l')[0]", "removeprefix('He')",
            "removesuffix('d')", "zfill(15)", "center(20, '*')", "ljust(14, '.')", "rjust(14)", "join(ys)", "join('abc')", "expandtabs(4)",
            "format(n)", "format(1, a=2)")

    def int(self, depth):
        if depth <= 0:
            return self.pick("0", "1", "2", "-1", "10", "1_000", "0x1F", *OF_TYPE["int"], *(
                ["loop.index", "loop.index0", "loop.length", "loop.revindex", "loop.depth"] if self.loops else []))
        return self.make(depth, self.int_operator, self.int_operator, self.int_other)

    def int_operator(self, depth):
        a, b = self.of("int", depth), self.of("int", depth)
        text = f"{a} {self.pick('+', '-', '*', '//', '%', '+', '-')} {b}"
        return self.pick(f"({text})", f"({text})", text, f"-{a}", f"({a}) ** 2", f"-2 ** {self.pick('2', '3')}")

    def int_other(self, depth):
        text, items = self.of("str", depth), self.of("list", depth)
        return self.pick(f"({text})|length", f"({items})|length", f"({items})|count", f"({text}).find('l')", f"({text}).count('a')",
                         f"({text})|int", f"({self.of('float', depth)})|int", f"({text})|int(9)", "'ff'|int(base=16)",
                         f"({self.of('float', depth)})|round|int", f"({self.of('int', depth)})|abs", f"({items}).index(3)",
                         f"({items})|sum", "xs|sum", "xs|max", "xs|min", "nested|map('sum')|sum", f"({text})|wordcount")

    def float(self, depth):
        if depth <= 0:
            return self.pick("1.5", "0.1", "1e3", "2.0", "1e-7", "1e20", *OF_TYPE["float"])
        a, b = self.of("float", depth - 1), self.of(self.pick("int", "float"), depth - 1)
        return self.pick(f"({a} {self.pick('+', '-', '*', '/', '//', '%')} {b})", f"({self.of('int', depth - 1)} / {b})",
                         f"({a})|round", f"({a})|round(1)", f"({a})|round(1, 'floor')", f"({a})|abs", f"({self.of('str', 0)})|float",
                         f"({b})|float", "3.7|round(method='ceil')")

    def bool(self, depth):
        if depth <= 0:
            return self.pick("true", "false", "True", *OF_TYPE["bool"], *(["loop.first", "loop.last"] if self.loops else []))
        return self.make(depth, self.bool_logic, self.bool_compare, self.bool_compare, self.bool_test, self.bool_test, self.bool_in)

    def bool_logic(self, depth):
        a, b = self.condition(depth), self.condition(depth)
        return self.pick(f"({a} and {b})", f"({a} or {b})", f"not {a}", f"{a} and {b} or {self.bool(0)}", f"not ({a})")

    def bool_compare(self, depth):
        kind = self.pick("int", "int", "str", "str", "float")
        op = self.pick("==", "!=", "<", "<=", ">", ">=")
        text = f"{self.of(kind, depth)} {op} {self.of(kind, depth)}"
        return self.pick(text, f"({text})", f"0 < {self.of('int', depth)} <= 7", f"{self.expr(depth)} == {self.expr(depth)}")

    def bool_in(self, depth):
        op = self.pick("in", "not in")
        return self.pick(f"({self.of('str', depth)} {op} {self.of('str', depth)})", f"{self.expr(0)} {op} {self.of('list', depth)}",
                         f"{self.pick(*KEYS)} {op} {self.of('dict', depth)}", f"s.startswith({self.of('str', 0)})",
                         f"({self.of('str', depth)}).endswith(('d', ' '))",
                         f"({self.of('str', depth)}).{self.pick('isdigit', 'isalpha', 'isupper', 'isspace', 'istitle', 'isalnum', 'islower')}()")

    def bool_test(self, depth):
        test = self.pick("defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence",
                         "iterable", "callable", "true", "false", "odd", "even", "divisibleby(3)", "divisibleby 2", "lower", "upper",
                         "eq(1)", "ne('a')", "gt 2", "lt(3)", "ge(0)", "le 1", "equalto('a')", "sameas none", "in [1, 'a']", "in(xs)",
                         "filter", "test", "escaped")
        value = self.pick(self.name(), self.name(), self.paren(self.expr(depth)), "messages[0].x", "d.missing")
        return f"{value} is {self.pick('', '', 'not ')}{test}"

    def list(self, depth):
        if depth <= 0:
            return self.pick("[]", "[1]", "['a', 2]", "[none, true]", "(1, 2)", "range(4)|list", *OF_TYPE["list"])
        return self.make(depth, self.list_literal, self.list_of_text, self.list_filter, self.list_filter, self.list_messages)

    def list_literal(self, depth):
        items = ", ".join(self.expr(depth - 1) for _ in range(self.random.randint(0, 3)))
        a = self.of("list", depth)
        return self.pick(f"[{items}]", f"[{items}]", f"({a} + {self.of('list', depth)})", f"{self.paren(a)}{self.slice()}", f"({a} * 2)",
                         "range(1, 8, 3)|list", "range(5, 0, -2)|list", f"({self.of('dict', depth)}).keys()|list",
                         f"({self.of('dict', depth)}).values()|list", f"({self.of('dict', depth)}).items()|list")

    def list_of_text(self, depth):
        return self.paren(self.of("str", depth)) + self.pick(".split()", ".split(',')", ".split('l')", "|list", ".splitlines()",
                                                             ".split(' ', 1)", ".rsplit(',', 1)", ".partition('o')")

    def list_filter(self, depth):
        chain = self.pick(
            "sort", "sort(reverse=true)", "sort(case_sensitive=true)", "unique|list", "reverse|list", "map('upper')|list", "map('string')|list",
            "map('length')|list", "select|list", "reject|list", "select('string')|list", "select('number')|list", "reject('none')|list",
            "select('gt', 1)|list", "select('in', [1, 'a'])|list", "batch(2)|list", "batch(2, 'x')|list", "slice(2)|list",
            "map('tojson')|list", "map('default', 'x')|list", "list", "first", "last", "map('int')|list", "map('trim')|join('|')|list",
            "select('equalto', 'a')|list", "unique(case_sensitive=true)|list", "groupby('a')|list", "map(attribute='a')|list")
        return f"({self.of('list', depth)})|{chain}"

    def list_messages(self, _):
        return "messages" + self.pick(
            self.slice(), "|map(attribute='role')|list", "|selectattr('role', 'equalto', 'user')|list", "|rejectattr('role', 'eq', 'tool')|list",
            "|selectattr('tool_calls')|list", "|selectattr('tool_calls', 'defined')|list", "|map(attribute='name', default='?')|list",
            "|groupby('role')|map('first')|list", "|groupby('role')|map(attribute='list')|map('length')|list", "|map('items')|map('list')|list",
            "|sort(attribute='role')|map(attribute='role')|list", "|unique(attribute='role')|map(attribute='role')|list",
            "|map(attribute='content')|select('string')|list", "[-1].content|list", "|selectattr('role', '==', 'user')|map(attribute='content')|list",
            "|max(attribute='role')|list", "|selectattr('role', 'in', ['user', 'tool'])|list", "[2].tool_calls[0].function.arguments.y")

    def dict(self, depth):
        if depth <= 0:
            return self.pick("{}", "{'a': 1}", "{'b': 'x', 'a': none}", "messages[0]", "tools[0].function", "tools[0]['function']",
                             *OF_TYPE["dict"])
        value = self.expr(depth - 1)
        return self.pick(f"{{'a': {value}, 'k': {self.expr(0)}}}", f"{{{self.pick(*KEYS)}: {value}}}", f"dict(a={value})",
                         f"dict({self.of('dict', depth - 1)}, b={value})", "deep.k", "deep['k']", "messages[-1].content[0]",
                         "dict([('a', 1)])", "d|dictsort|first|list", "dict(d|dictsort(true))", "dict(d.items())",
                         f"d|dictsort({self.pick('true', 'false')}, 'key', true)|list", f"({self.of('dict', depth - 1)}).get({self.pick(*KEYS)})",
                         f"({self.of('dict', depth - 1)}).{self.pick(*ATTRIBUTES)}", f"({self.of('dict', depth - 1)})[{self.pick(*KEYS)}]",
                         f"d.get({self.pick(*KEYS)}, {value})", "tools[0].function.parameters.properties")
