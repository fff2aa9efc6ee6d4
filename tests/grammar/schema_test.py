#!/usr/bin/env python3
"""schema_test.py PROBE TERN [--count N] [--first SEED]: random JSON schemas against Python's jsonschema.

What the masks let through must parse and validate; what validates must be let through, token by token with several
vocabularies; and mutated instances that do not validate must not be. --count 3500 makes about 10,000 texts in a minute.
"""
import argparse
import json
import random
import sys
import tempfile

import jsonschema
from probe import Probe, models, pulled_models
from schemas import Instances, Schemas, spelled


def validator_of(schema):
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def strict(text):
    """JSON without what Python allows beside it."""
    def refuse(name):
        raise ValueError(name)
    return json.loads(text, parse_constant=refuse)


def mutated(value, r):
    text = json.dumps(value, ensure_ascii=False)
    i = r.randrange(len(text))
    return r.choice([text[:i] + text[i + 1:], text[:i] + r.choice("0a\"}],-\\") + text[i:], text[:i]])


def valid(text, validator):
    try:
        value = strict(text)
    except ValueError:
        return False
    return validator.is_valid(value)


def try_one(seed, probe, problems):
    r = random.Random(seed)
    schema = Schemas(r).document()
    source = json.dumps(schema)
    validator = validator_of(schema)
    answer = probe("json_schema", source, generate=3, seed=seed, most=3000)
    if "error" in answer:
        problems.append(f"seed {seed}: {answer['error']}\n  {source}")
        return 0, 0
    done = [text for text in answer["texts"] if text is not None]
    for text in done:
        if not valid(text, validator):
            problems.append(f"seed {seed}: generated, not valid: {text!r}\n  {source}")
    try:
        values = [Instances(r, schema).value(schema) for _ in range(3)]
    except LookupError:
        return len(done), 0
    texts = [spelled(value, r) for value in values if validator.is_valid(value)]
    wrong = [mutated(value, r) for value in values]
    answer = probe("json_schema", source, texts=texts + wrong)
    if "error" in answer:
        problems.append(f"seed {seed}: {answer['error']}\n  {source}")
        return len(done), 0
    for text, matches in zip(texts + wrong, answer["matches"]):
        if text in texts and not matches:
            problems.append(f"seed {seed}: valid, not allowed: {text!r}\n  {source}")
        if matches and not valid(text, validator):
            problems.append(f"seed {seed}: allowed, not valid: {text!r}\n  {source}")
    return len(done), len(texts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("probe")
    parser.add_argument("tern")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--show", type=int, default=10)
    args = parser.parse_args()
    problems, generated, accepted = [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        probe = Probe(args.probe, models(folder, pulled_models(args.tern)))
        for seed in range(args.first, args.first + args.count):
            done, texts = try_one(seed, probe, problems)
            generated, accepted = generated + done, accepted + texts
    print(*problems[:args.show], sep="\n")
    print(f"{args.count} schemas: {generated} generated texts came to an end, {accepted} valid ones tried, {len(problems)} problems")
    sys.exit(bool(problems) or generated < args.count or accepted < args.count)


main()
