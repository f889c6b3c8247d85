from __future__ import annotations

import json
import re
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_certs._json import MAX_DEPTH, Document, JSONError

TEXT = '{\n  "a": [1, "zwö\\n", {"b": null}],\n\t"c" : {"d": -1.5e3} }'

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_a_document_is_what_the_library_reads_and_knows_where_everything_stands() -> None:
    document = Document.parse(TEXT)
    assert document.value == json.loads(TEXT)
    assert document.place(()) == "line 1, column 1"
    assert document.place(("a", 1)) == "line 2, column 12"
    assert document.place(("a", 2, "b")) == "line 2, column 27"
    assert document.place(("a", 2, "b"), key=True) == "line 2, column 22"
    assert document.place(("c", "d"), key=True) == "line 3, column 9"
    assert document.place(("a", 1), key=True) == "line 2, column 12"  # which has no key


@given(values, st.sampled_from([None, 2, "\t"]))
def test_every_span_holds_its_value(value: object, indent: int | str | None) -> None:
    document = Document.parse(json.dumps(value, indent=indent, ensure_ascii=False))
    assert document.value == value
    for path, span in document.spans.items():
        part = value
        for step in path:
            part = cast("dict[str | int, object]", part)[step]  # or a list: both are asked the same way
        assert json.loads(document.text[span.start : span.end]) == part
    for path, span in document.keys.items():
        assert json.loads(document.text[span.start : span.end]) == path[-1]


@given(st.text(alphabet='{}[]",:1 \nntrue-', max_size=12))
def test_what_the_library_refuses_is_refused(text: str) -> None:
    try:
        expected = json.loads(text)
    except json.JSONDecodeError:
        with pytest.raises(JSONError):
            Document.parse(text)
    else:
        keys = re.findall(r'"([^"]*)" *\n* *:', text)
        if len(set(keys)) == len(keys):
            assert Document.parse(text).value == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: not JSON: Expecting value"),
        (" \n {} x", "line 2, column 5: something follows the end"),
        ('{\n  "a": {,}\n}', "line 2, column 9: not JSON: expected a key in double quotes"),
        ('{"a": 1,}', "line 1, column 9: not JSON: expected a key"),
        ("{a: 1}", "line 1, column 2: not JSON: expected a key"),
        ('{"a" 1}', "line 1, column 6: not JSON: expected a colon"),
        ('{"a": 1 "b": 2}', 'line 1, column 9: not JSON: expected a comma or "}"'),
        ("[1 2]", 'line 1, column 4: not JSON: expected a comma or "]"'),
        ("[1", 'line 1, column 3: not JSON: expected a comma or "]"'),
        ("[1,]", "line 1, column 4: not JSON: Expecting value"),
        ('"a', "line 1, column 1: not JSON: Unterminated string"),
        ('{"a": "\n"}', "line 1, column 8: not JSON: Invalid control character"),
        ("[NaN]", "line 1, column 2: not JSON that can be read: NaN is not JSON"),
        ("1" * 5000, "line 1, column 1: not JSON that can be read"),
        ('{"a": 1,\n "a": 2}', 'line 2, column 2: the key "a" occurs twice, first in line 1, column 2'),
        ('{"\\u202e": 1, "\\u202e": 2}', r'the key "\u202e" occurs twice'),
        ("[" * 30_000, f"line 1, column {MAX_DEPTH + 1}: nested too deeply: more than {MAX_DEPTH} levels"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(JSONError) as caught:
        Document.parse(text)
    assert message in str(caught.value)
