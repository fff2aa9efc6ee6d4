"""Random JSON schemas of what Tern enforces, and random instances of them."""
import json

WORDS = ["name", "id", "größe", "a b", "x\"y", "tab\t", "items", "日本", "", "na", "names", "id\\", "😀"]

OBJECT = {"type": "object", "additionalProperties": False}
# What clients write that takes more than one keyword, with instances.
COMBINED = [
    {"type": "string", "format": "date", "pattern": "^2024-", "minLength": 10, "examples": ["2024-02-29"]},
    {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$", "examples": ["2024-02-29T01:02:03.004Z"]},
    {"type": "string", "format": "email", "maxLength": 30, "examples": ["a.b@c-d.org"],
     "pattern": r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$"},
    {"type": "string", "format": "uri", "minLength": 1, "maxLength": 60, "examples": ["https://example.org/a?b=c"]},
    {"type": "string", "format": "phone", "allOf": [{"pattern": "^a"}, {"pattern": "b$"}], "maxLength": 6, "examples": ["ab", "a\"\\b"]},
    {"type": "string", "pattern": "^[a-z]+-[a-z]+$", "minLength": 4, "maxLength": 9, "examples": ["ab-cd", "a-bcdefg"]},
    {"type": "string", "pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", "maxLength": 8, "examples": ["-1.5", ".5"]},
    {"type": "string", "not": {"enum": ["a", ""]}, "maxLength": 3, "examples": ["b", "aa"]},
    {"type": "string", "enum": ["a", "bb", "ccc"], "minLength": 2, "pattern": "b|c", "examples": ["bb"]},
    {"type": "number", "multipleOf": 0.5, "examples": [1.5, -3, 0]},
    {"type": "number", "multipleOf": 0.25, "minimum": -1.1, "exclusiveMaximum": 3, "examples": [0.75, -1]},
    {"type": "integer", "multipleOf": 7, "examples": [0, -49, 7000]},
    {"type": "array", "items": {"enum": ["a", "b", 3]}, "uniqueItems": True, "maxItems": 2, "examples": [["b", "a"], []]},
    {"type": "array", "items": {"enum": list(range(12))}, "uniqueItems": True, "minItems": 1, "examples": [[3, 7], [0]]},
    {**OBJECT, "properties": {name: {"type": "integer"} for name in "abc"}, "minProperties": 1, "maxProperties": 2, "examples": [{"a": 1, "c": 2}, {"b": 3}]},
    {"type": "object", "propertyNames": {"enum": ["a", "b"]}, "additionalProperties": {"type": "integer"}, "required": ["a"], "examples": [{"a": 1}]},
    {**OBJECT, "properties": {"e": {"type": "boolean"}}, "patternProperties": {"^x-": {"type": "integer"}}, "examples": [{"e": True, "x-a": 2}]},
    {**OBJECT, "properties": {"k": {"enum": ["a", "b"]}, "v": {"type": "integer"}}, "required": ["k"], "if": {"properties": {"k": {"const": "a"}}},
     "then": {"required": ["v"]}, "else": {"not": {"required": ["v"]}}, "examples": [{"k": "a", "v": 1}, {"k": "b"}]},
]


class Schemas:
    """Random schemas. Those that may not be supported are left out, so each must compile."""

    def __init__(self, random):
        self.random = random

    def schema(self, depth=3):
        r = self.random
        kinds = [self.string, self.integer, self.far_integer, self.number, self.constant, self.simple, self.nullable, self.formatted, self.combined]
        if depth > 0:
            kinds += [self.array, self.object, self.object, self.tuple, self.any_of, self.one_of, self.all_of, self.mapping, self.patterned]
        schema = r.choice(kinds)(depth - 1)
        if isinstance(schema, dict) and r.random() < 0.1:
            schema["description"] = "what it is"
        return schema

    def document(self):
        schema = self.schema()
        if self.random.random() < 0.2:
            node = {"type": "object", "properties": {"value": schema, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
                    "required": ["value"], "additionalProperties": False}
            return {"$defs": {"node": node}, "$ref": "#/$defs/node"}
        return schema

    def simple(self, _):
        return {"type": self.random.choice(["boolean", "null", "integer", "number", "string", ["string", "null"], ["integer", "boolean"]])}

    def nullable(self, depth):
        return {"anyOf": [self.schema(max(depth, 0)), {"type": "null"}]}

    def string(self, _):
        r = self.random
        schema = {"type": "string"}
        if r.random() < 0.4:
            schema["minLength"] = r.randrange(0, 5)
        if r.random() < 0.6:
            schema["maxLength"] = schema.get("minLength", 0) + r.choice([0, 1, 3, 12, 40])
        if r.random() < 0.3:
            schema = {"type": "string", "pattern": r.choice(
                ["^[a-z]{2,5}$", r"^\d{3}-\d{4}$", "^(foo|bar)+$", r"^[^\"\\]{1,4}$", "^a.*z$", "ab", "^x", r"[0-9]$", r"^\w+( \w+)*$",
                 r"^[äöü\s]{1,3}$", "^(?:a|ab)(?:c|bcd)$"])}
        return schema

    def formatted(self, _):
        return {"type": "string", "format": self.random.choice(["date", "time", "date-time", "uuid", "email", "ipv4", "ipv6"])}

    def combined(self, _):
        return dict(self.random.choice(COMBINED))

    def bounds(self, whole):
        r = self.random
        values = sorted(r.choice([0, 1, -1, 5, 10, 99, 100, 101, -17, 1234, -1000, 65535, r.randrange(-500, 500)]) for _ in range(2))
        if not whole:
            values = sorted(v + r.choice([0, 0.5, 0.25, 0.125, 0.001, 0.1]) for v in values)
        schema = {}
        if r.random() < 0.7:
            schema[r.choice(["minimum", "exclusiveMinimum"])] = values[0]
        if r.random() < 0.7:
            schema[r.choice(["maximum", "exclusiveMaximum"])] = values[1] + 2
        return schema

    def integer(self, _):
        schema = {"type": "integer", **self.bounds(True)}
        if self.random.random() < 0.2:
            schema["multipleOf"] = self.random.choice([1, 10, 100]) if len(schema) > 1 else self.random.choice([1, 2, 5, 10])
            if "minimum" in schema or "exclusiveMinimum" in schema:
                schema["maximum"] = schema.get("minimum", schema.get("exclusiveMinimum")) + 250
                schema.pop("exclusiveMaximum", None)
        return schema

    def far_integer(self, _):
        """Near the ends of 64 bits, and of what a double tells apart."""
        end = self.random.choice([2**63 - 1, 2**53, 10**15, 10**18])
        low = end - self.random.randrange(1, 30)
        bounds = {self.random.choice(["minimum", "exclusiveMinimum"]): low, self.random.choice(["maximum", "exclusiveMaximum"]): end}
        if "exclusiveMinimum" in bounds and "exclusiveMaximum" in bounds and end - low < 2:
            bounds = {"minimum": low}
        return {"type": "integer", **bounds}

    def number(self, _):
        return {"type": "number", **self.bounds(False)}

    def constant(self, _):
        r = self.random
        values = [1, -2.5, "x", "größe \"q\"", True, None, [1, [2]], {"a": {"b": []}}, "", 1e-7, 12345678901]
        return {"const": r.choice(values)} if r.random() < 0.3 else {"enum": r.sample(values, r.randrange(1, 6))}

    def array(self, depth):
        r = self.random
        schema = {"type": "array", "items": self.schema(depth)}
        if r.random() < 0.5:
            schema["minItems"] = r.randrange(0, 4)
        if r.random() < 0.7:
            schema["maxItems"] = schema.get("minItems", 0) + r.randrange(0, 4)
        return schema

    def tuple(self, depth):
        r = self.random
        schema = {"type": "array", "prefixItems": [self.schema(depth) for _ in range(r.randrange(1, 4))]}
        schema["items"] = r.choice([False, self.schema(depth)])
        if r.random() < 0.5:
            schema["minItems"] = r.randrange(0, len(schema["prefixItems"]) + (schema["items"] is not False) + 1)
        return schema

    def object(self, depth):
        r = self.random
        names = r.sample(WORDS, r.randrange(0, 5))
        schema = {"type": "object", "properties": {name: self.schema(depth) for name in names},
                  "required": [name for name in names if r.random() < 0.5]}
        schema["additionalProperties"] = False if r.random() < 0.6 or not names else self.schema(depth)
        return schema

    def mapping(self, depth):
        schema = {"type": "object", "additionalProperties": self.schema(depth)}
        if self.random.random() < 0.4:
            schema["propertyNames"] = self.random.choice(
                [{"pattern": "^[a-z]{1,4}$"}, {"anyOf": [{"const": "q"}, {"const": 1}, {"pattern": "^[a-z]{2,4}$"}]},
                 {"oneOf": [{"enum": ["abc", "q", "wx"]}, {"type": "integer"}]}, {"anyOf": [{"minLength": 2}, {}]}])
        if self.random.random() < 0.4:
            schema["maxProperties"] = self.random.randrange(0, 4)
        return schema

    def patterned(self, depth):
        one = {"type": "object", "patternProperties": {"^[a-z]{1,3}$": self.schema(depth)}, "additionalProperties": False}
        other = self.random.choice([{"additionalProperties": {"type": ["string", "integer", "null"]}}, {"additionalProperties": False},
                                    {"maxProperties": 3}])
        return self.random.choice([one, {"allOf": [one, {"type": "object", **other}]}])

    def any_of(self, depth):
        return {"anyOf": [self.schema(depth) for _ in range(self.random.randrange(1, 4))]}

    def one_of(self, depth):
        tagged = [{"type": "object", "properties": {"kind": {"const": kind}, "value": self.schema(depth)},
                   "required": ["kind"], "additionalProperties": False} for kind in "abc"]
        return {"oneOf": self.random.choice([tagged, [{"type": "string"}, {"type": "integer", "minimum": 3}, tagged[0]]])}

    def all_of(self, depth):
        extra = {"type": "object", "properties": {"more": self.schema(depth)}, "required": ["more"]}
        return {"allOf": [{"type": "object", "properties": {"some": self.schema(depth)}}, extra]}


class Instances:
    """A random value of a schema that Schemas made, with properties in the schema's order."""

    def __init__(self, random, document):
        self.random, self.document = random, document

    def value(self, schema, depth=0):
        r = self.random
        if "examples" in schema:
            return r.choice(schema["examples"])
        if "$ref" in schema:
            return self.value(self.document["$defs"]["node"], depth + 1)
        for name in ("anyOf", "oneOf"):
            if name in schema:
                return self.value(schema[name][-1] if depth > 8 else r.choice(schema[name]), depth + 1)
        if "allOf" in schema:
            value = {}
            for part in schema["allOf"]:
                value.update(self.value(part, depth + 1))
            return value
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return r.choice(schema["enum"])
        kind = schema["type"]
        if isinstance(kind, list):
            kind = r.choice(kind)
        return getattr(self, kind)(schema, depth)

    def null(self, *_):
        return None

    def boolean(self, *_):
        return self.random.random() < 0.5

    def text(self, low, high):
        letters = "abcxyz019 _-\"\\/\n\tÄß日本語😀\u007f\u0001"
        return "".join(self.random.choice(letters) for _ in range(self.random.randint(low, high)))

    def string(self, schema, _):
        r = self.random
        if "format" in schema:
            return r.choice({
                "date": ["2024-02-29", "1999-12-31", "0001-01-01"], "time": ["00:00:00Z", "23:59:59.123+01:30"],
                "date-time": ["2026-11-26T20:00:00Z", "2000-02-29T01:02:03.5-00:30"],
                "uuid": ["123e4567-e89b-12d3-a456-426614174000"], "email": ["a.b+c@example.org", "x@y-z.de"],
                "ipv4": ["0.0.0.0", "255.249.99.1"], "ipv6": ["::", "::1", "2001:db8::ff00:42:8329", "1:2:3:4:5:6:7:8"],
            }[schema["format"]])
        if "pattern" in schema:
            return r.choice({
                "^[a-z]{2,5}$": ["ab", "abcde"], r"^\d{3}-\d{4}$": ["012-3456"], "^(foo|bar)+$": ["foo", "barfoobar"],
                r"^[^\"\\]{1,4}$": ["a", "日\n x"], "^a.*z$": ["az", "a\"\\z", "aßz"], "ab": ["ab", "xxabab\n"], "^x": ["x", "xyz"],
                r"[0-9]$": ["1", "\"0"], r"^\w+( \w+)*$": ["ab_c d", "x"], r"^[äöü\s]{1,3}$": ["ä", "ö\n "],
                "^(?:a|ab)(?:c|bcd)$": ["ac", "abc", "abcd", "abbcd"],
            }[schema["pattern"]])
        low = schema.get("minLength", 0)
        return self.text(low, schema.get("maxLength", low + r.choice([0, 3, 20])))

    def within(self, schema, step):
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        first = -1000 if low is None and high is None else (low if low is not None else high - 300)
        last = high if high is not None else first + 300
        for _ in range(100):
            if step:
                value = self.random.randint(first, last) // step * step
            else:
                value = round(first + (last - first) * self.random.random(), self.random.randrange(1, 6))
            if (("minimum" not in schema or value >= schema["minimum"]) and
                    ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"]) and
                    ("maximum" not in schema or value <= schema["maximum"]) and
                    ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])):
                return value
        raise LookupError("no number found")

    def integer(self, schema, _):
        return int(self.within(schema, schema.get("multipleOf", 1)))

    def number(self, schema, _):
        if len(schema) == 1:
            return self.random.choice([0, -1, 1.5, 1e-7, -2.5e20, 123456789, 0.1])
        return self.within(schema, 0)

    def array(self, schema, depth):
        r = self.random
        low = schema.get("minItems", 0)
        prefix = schema.get("prefixItems", [])
        more = schema.get("items", False)
        high = schema.get("maxItems", max(low, len(prefix)) + (r.randrange(0, 3) if more else 0))
        if depth > 5:
            high = low
        size = r.randint(low, max(low, high))
        if more is False:
            size = min(size, len(prefix))
        return [self.value(prefix[i] if i < len(prefix) else more, depth + 1) for i in range(size)]

    def object(self, schema, depth):
        r = self.random
        required = schema.get("required", [])
        value = {name: self.value(part, depth + 1) for name, part in schema.get("properties", {}).items()
                 if name in required or (r.random() < 0.5 and depth < 6)}
        more = schema.get("additionalProperties", False)
        for part in schema.get("patternProperties", {}).values():
            more = part
        if more is not False and depth < 6:
            names = ["abc", "q", "wx"] if "propertyNames" in schema or "patternProperties" in schema else ["na\"", "né", "q/r", "name2", "i", "x"]
            for name in r.sample(names, min(r.randrange(0, 3), schema.get("maxProperties", 9))):
                if name not in schema.get("properties", {}):
                    value[name] = self.value(more, depth + 1)
        return value


def spelled(value, random):
    """One of the spellings that Tern's white space allows."""
    style = random.choice([{}, {"separators": (",", ":")}, {"indent": 1}])
    text = json.dumps(value, ensure_ascii=False, **style)
    return text
