"""The registry of data types."""

from __future__ import annotations

import pytest

from hive.errors import HiveError
from hive.types import BUILTIN, ENCODINGS, DataType, TypeRegistry, parse_data_type

NOTE = DataType("note", "utf8+document", version=2, text_field="words")


def code_of(call: object, *args: object) -> str:
    assert callable(call)
    with pytest.raises(HiveError) as caught:
        call(*args)
    return caught.value.code


def test_a_subtype_is_its_parent_and_not_the_other_way_round() -> None:
    types = TypeRegistry()
    assert types.is_a("text.redacted", "text")
    assert types.is_a("text", "text")
    assert not types.is_a("text", "text.redacted")
    assert not types.is_a("intent", "text")
    assert types.ancestors("text.redacted") == ("text.redacted", "text")


def test_ancestors_go_all_the_way_up() -> None:
    types = TypeRegistry([DataType("text.redacted.short", "utf8+document", is_a="text.redacted")])
    assert types.ancestors("text.redacted.short") == ("text.redacted.short", "text.redacted", "text")
    assert types.is_a("text.redacted.short", "text")


def test_an_unknown_type_is_refused_and_the_known_are_named() -> None:
    for call in (TypeRegistry().get, TypeRegistry().ancestors):
        assert code_of(call, "picture") == "type_unknown"
    with pytest.raises(HiveError, match=r"sensor\.window"):
        TypeRegistry().get("picture")


def test_a_type_may_be_added_again_but_not_changed() -> None:
    types = TypeRegistry()
    entry = DataType("picture", "document", tensors=("pixels",))
    types.add(entry)
    types.add(entry)
    assert types.get("picture") is entry
    assert code_of(types.add, DataType("picture", "document")) == "config_invalid"
    assert code_of(types.add, DataType("text", "document")) == "config_invalid"
    assert code_of(types.add, DataType("orphan", "utf8", is_a="nothing")) == "config_invalid"
    assert "orphan" not in [entry.name for entry in types.all()]


def test_all_types_come_by_name() -> None:
    names = [entry.name for entry in TypeRegistry().all()]
    assert names == sorted(entry.name for entry in BUILTIN)


@pytest.mark.parametrize("entry", [*BUILTIN, NOTE], ids=lambda entry: entry.name)
def test_a_type_survives_the_form_that_manifests_use(entry: DataType) -> None:
    raw = {key: value for key, value in entry.as_json().items() if value is not None}
    parsed = parse_data_type(raw)
    assert parsed == entry
    assert entry.encoding in ENCODINGS


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"name": ""},
        {"name": 7},
        {"name": "x", "encoding": "json"},
        {"name": "x", "schema": []},
        {"name": "x", "tensors": "values"},
        {"name": "x", "colour": "red"},
    ],
)
def test_a_wrong_type_in_a_manifest_is_refused(raw: dict[str, object]) -> None:
    assert code_of(parse_data_type, raw) == "manifest_invalid"


@pytest.mark.parametrize("version", ["new", None, 0, 1.5, True])
def test_a_version_that_is_no_number_is_refused(version: object) -> None:
    assert code_of(parse_data_type, {"name": "x", "version": version}) == "manifest_invalid"
