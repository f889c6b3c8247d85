from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_certs._manifest_edit import add_entries

A, B, C = "$(CERTS)/ca1", "$(CERTS)/ca2", "$(CERTS)/ca3"
NEW = '{\n  "resources": {\n    "*": [\n      "$(CERTS)/ca1"\n    ]\n  }\n}\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, NEW),
        ("{}", '{"resources": {"*": ["$(CERTS)/ca1"]}}'),
        ("{\n}\n", '{"resources": {"*": ["$(CERTS)/ca1"]}}\n'),
        ('{"resources": {}}', '{"resources": {"*": ["$(CERTS)/ca1"]}}'),
        ('{"resources": {"*": []}}', '{"resources": {"*": ["$(CERTS)/ca1"]}}'),
        ('{"resources": {"*": "x"}}', '{"resources": {"*": ["x", "$(CERTS)/ca1"]}}'),
        ('{"resources":{"*":["x","y"]}}', '{"resources":{"*":["x","y","$(CERTS)/ca1"]}}'),
        ('{"resources": {"*": ["x"]}}', '{"resources": {"*": ["x", "$(CERTS)/ca1"]}}'),
        ('{"resources": {"*": [ "x" ]}}', '{"resources": {"*": [ "x", "$(CERTS)/ca1" ]}}'),
        (
            '{\r\n\t"resources": {"*": [\r\n\t\t"x"\r\n\t]}\r\n}',
            '{\r\n\t"resources": {"*": [\r\n\t\t"x",\r\n\t\t"$(CERTS)/ca1"\r\n\t]}\r\n}',
        ),
        (
            '{"resources": {"*": [\n  "x"\n, "y"\n]}}',
            '{"resources": {"*": [\n  "x"\n, "y"\n, "$(CERTS)/ca1"\n]}}',
        ),
        (
            '{\n  "config": {"tls": {}}\n}\n',
            '{\n  "config": {"tls": {}},\n  "resources": {"*": ["$(CERTS)/ca1"]}\n}\n',
        ),
        (
            '{\n  "resources": {\n    "~": ["x"]\n  }, "config": {}\n}',
            '{\n  "resources": {\n    "~": ["x"],\n    "*": ["$(CERTS)/ca1"]\n  }, "config": {}\n}',
        ),
    ],
)
def test_an_entry_is_added_in_the_manner_of_the_file(before: str | None, after: str) -> None:
    assert add_entries(before, [A]) == after


def test_several_entries_are_added_one_below_the_other() -> None:
    assert add_entries(None, [A, B]) == NEW.replace(f'"{A}"', f'"{A}",\n      "{B}"')
    assert add_entries(NEW, []) == NEW
    assert add_entries(None, []) == "{}\n"


@pytest.mark.parametrize("text", ["[]", '"x"', '{"resources": 9}', '{"resources": {"*": 9}}', "{"])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line 1, column"):
        add_entries(text, [A])


documents: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {},
    optional={
        "include": st.lists(st.text(max_size=3), max_size=2),
        "resources": st.fixed_dictionaries(
            {},
            optional={
                "*": st.lists(st.sampled_from([A, B, C]), max_size=3),
                "~": st.lists(st.sampled_from([A, B]), max_size=2),
            },
        ),
        "config": st.just({"tls": {"DHE_RSA": False}}),
    },
)


@given(documents, st.sampled_from([None, 0, 1, 4, "\t"]), st.booleans())
def test_nothing_else_changes(document: dict[str, object], indent: int | str | None, tight: bool) -> None:
    text = json.dumps(document, indent=indent, separators=(",", ":") if tight else None)
    resources: object = document.setdefault("resources", {})
    assert isinstance(resources, dict)
    resources["*"] = [*resources.get("*", []), C]  # pyright: ignore[reportUnknownMemberType]
    changed = add_entries(text, [C])
    assert json.loads(changed) == document
    assert [line for line in text.splitlines() if '"tls"' in line] == [
        line for line in changed.splitlines() if '"tls"' in line
    ] or "\n" not in text
