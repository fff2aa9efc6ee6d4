"""Schemas across the features that are enforced, each with an instance that an answer could be."""

STORY = ("The harbour was quiet when the first boats came in. \"Nothing today,\" said the old man, and he shrugged; his nets "
         "were empty, again.\nNobody on the pier asked why. Die Möwen schrien über dem Wasser, 海は静かだった。 ")


def text(length=None, **more):
    return {"type": "string", **({} if length is None else {"maxLength": length}), **more}


def obj(required=None, closed=True, **properties):
    schema = {"type": "object", "properties": properties, "required": list(properties) if required is None else required}
    return {**schema, "additionalProperties": False} if closed else schema


def array(items, **more):
    return {"type": "array", "items": items, **more}


INTEGER, NUMBER, BOOLEAN = {"type": "integer"}, {"type": "number"}, {"type": "boolean"}
NULLABLE = {"type": ["string", "null"]}
PERSON = obj(name=text(), age={"type": "integer", "minimum": 0, "maximum": 150}, email=text(format="email"))
ADDRESS = obj(street=text(80), city=text(40), zip=text(pattern="^[0-9]{5}$"), country={"enum": ["DE", "FR", "US", "JP"]})
JANE = {"name": "Jane Doe", "age": 42, "email": "jane.doe@example.org"}
HOME = {"street": "12 Harbour Road", "city": "Bremerhaven", "zip": "27568", "country": "DE"}
TREE = {"$ref": "#/$defs/node", "$defs": {"node": obj(["value"], value=text(), children=array({"$ref": "#/$defs/node"}))}}
SHAPES = {"oneOf": [obj(kind={"const": "circle"}, radius=NUMBER), obj(kind={"const": "box"}, width=NUMBER, height=NUMBER)]}
STEP = obj(explanation=text(), output=text())

CASES = [
    ("person", PERSON, JANE),
    ("address", ADDRESS, HOME),
    ("nested", obj(person=PERSON, home=ADDRESS, work=ADDRESS), {"person": JANE, "home": HOME, "work": HOME}),
    ("long text", obj(title=text(), body=text()), {"title": "At the harbour", "body": STORY * 4}),
    ("bounded text", obj(title=text(100), body=text(2000, minLength=100)), {"title": "At the harbour", "body": STORY * 3}),
    ("steps", obj(steps=array(STEP), answer=text()), {"steps": [{"explanation": STORY[:110], "output": "8x + 7 = -23"}] * 4, "answer": "x = -3.75"}),
    ("recursive", TREE, {"value": "root", "children": [{"value": "leaf", "children": []}, {"value": "branch", "children": [{"value": "twig"}]}]}),
    ("shapes", array(SHAPES, minItems=1, maxItems=20), [{"kind": "circle", "radius": 2.5}, {"kind": "box", "width": 1, "height": 20.75}] * 4),
    ("any json", {}, {"a": [1, 2.5, {"b": None}], "story": STORY, "list": [True, False, "x"]}),
    ("any object", {"type": "object"}, {"Möwe": STORY[:60], "n": {"deep": {"deeper": [[], {}]}}}),
    ("dates", obj(day=text(format="date"), at=text(format="date-time"), id=text(format="uuid"), ip=text(format="ipv4")),
     {"day": "2026-11-26", "at": "2026-11-26T20:15:00Z", "id": "123e4567-e89b-12d3-a456-426614174000", "ip": "192.168.10.254"}),
    ("numbers", array({"type": "number", "minimum": -273.15, "maximum": 1000}, maxItems=100), [-273.15, 0, 12.5, 999.99, -0.001, 37] * 3),
    ("integers", array({"type": "integer", "minimum": 1, "maximum": 65535}), [1, 80, 443, 8080, 65535] * 3),
    ("enum", array({"enum": [f"option-{i}" for i in range(200)]}), [f"option-{i}" for i in (0, 7, 19, 100, 199)]),
    ("optionals", obj([], **{f"field_{i}": NULLABLE for i in range(40)}), {f"field_{i}": "value" if i % 3 else None for i in range(0, 40, 2)}),
    ("wide", obj(**{f"measurement_{i}": NUMBER for i in range(30)}), {f"measurement_{i}": i * 1.5 for i in range(30)}),
    ("map", {"type": "object", "additionalProperties": INTEGER}, {"apples": 3, "Äpfel": 5, "pears \"ripe\"": 12}),
    ("map beside", {**obj([], id=INTEGER, name=text()), "additionalProperties": text()}, {"id": 1, "name": "x", "nickname": "y", "idea": "z"}),
    ("tuple", {"type": "array", "prefixItems": [text(), NUMBER, BOOLEAN], "items": False, "minItems": 3}, ["pi", 3.14159, True]),
    ("patterns", obj(code=text(pattern="^[A-Z]{3}-[0-9]{4}(-[a-z]+)?$"), word=text(pattern="^[a-z]+( [a-z]+)*$"), colour=text(pattern="^#[0-9a-fA-F]{6}$")),
     {"code": "ABC-1234-harbour", "word": "quiet old harbour town", "colour": "#1a2B3c"}),
    ("any of", array({"anyOf": [text(), INTEGER, {"type": "null"}, array(BOOLEAN)]}), ["one", 2, None, [True, False], "two \"three\""]),
    ("all of", {"allOf": [obj(closed=False, id=INTEGER), obj(closed=False, label=text(30))]}, {"id": 77, "label": "Möwen"}),
    ("tool call", obj(name={"const": "get_weather"}, arguments=obj(["location"], location=text(), unit={"enum": ["celsius", "fahrenheit"]}, days=INTEGER)),
     {"name": "get_weather", "arguments": {"location": "Bremerhaven, Germany", "unit": "celsius", "days": 3}}),
    ("table", array(array(NUMBER, minItems=4, maxItems=4), maxItems=50), [[1, 2.5, -3, 4e10]] * 8),
]
