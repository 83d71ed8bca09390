"""As much of JSON Schema as docs/results.schema.json uses."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).resolve().parents[1] / 'docs' / 'results.schema.json'
_TYPES = dict(object=dict, array=list, string=str, boolean=bool, integer=int,
              number=(int, float), null=type(None))
_KNOWN = {'$schema', '$defs', '$ref', 'title', 'description', 'type', 'const',
          'enum', 'anyOf', 'minimum', 'maximum', 'minItems', 'maxItems',
          'items', 'required', 'properties', 'additionalProperties'}


def violations(value: Any, schema: dict, root: dict,
               where: str = '') -> Iterator[str]:
    """Yield what is wrong with a value."""
    assert set(schema) <= _KNOWN, set(schema) - _KNOWN
    if '$ref' in schema:
        schema = root['$defs'][schema['$ref'].removeprefix('#/$defs/')]
    if 'const' in schema and value != schema['const']:
        yield f'{where}: {value!r} is not {schema["const"]!r}'
    if 'enum' in schema and value not in schema['enum']:
        yield f'{where}: {value!r} is none of {schema["enum"]}'
    if 'anyOf' in schema and all(
            any(violations(value, one, root)) for one in schema['anyOf']):
        yield f'{where}: {value!r} is nothing of anyOf'
    kinds = schema.get('type', [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(
            isinstance(value, _TYPES[kind]) and not (
                isinstance(value, bool) and kind in ('integer', 'number'))
            for kind in kinds):
        yield f'{where}: {value!r} is no {kinds}'
        return
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not (schema.get('minimum', value) <= value
                <= schema.get('maximum', value)):
            yield f'{where}: {value} is out of range'
    if isinstance(value, list):
        if not (schema.get('minItems', 0) <= len(value)
                <= schema.get('maxItems', len(value))):
            yield f'{where}: has {len(value)} items'
        for number, one in enumerate(value):
            yield from violations(one, schema.get('items', {}), root,
                                  f'{where}[{number}]')
    if isinstance(value, dict):
        for name in set(schema.get('required', ())) - set(value):
            yield f'{where}: has no {name}'
        others = schema.get('additionalProperties', {})
        for name, one in value.items():
            rule = schema.get('properties', {}).get(name, others)
            if rule is False:
                yield f'{where}: {name} is not known'
            else:
                yield from violations(one, rule, root, f'{where}.{name}')


def check_results(data: Any) -> None:
    """Assert that a results.json is what the documentation says."""
    schema = json.loads(SCHEMA.read_text())
    assert list(violations(data, schema, schema)) == []
    try:
        import jsonschema
    except ImportError:
        return
    jsonschema.validate(data, schema)
