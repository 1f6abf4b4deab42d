"""Previews of values in events."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cascade.events.preview import PREVIEW_LENGTH, preview

leaves = st.one_of(
    st.integers(),
    st.text(max_size=300),
    st.text("'\"ab\\\n", max_size=200),
    st.binary(max_size=200),
    st.none(),
    st.floats(),
)
hashable = st.recursive(
    leaves,
    lambda inner: st.one_of(st.tuples(inner), st.tuples(inner, inner), st.frozensets(inner, max_size=4)),
    max_leaves=6,
)
values = st.recursive(
    hashable,
    lambda inner: st.one_of(
        st.lists(inner, max_size=150),
        st.tuples(inner, inner, inner),
        st.sets(hashable, max_size=5),
        st.dictionaries(hashable, inner, max_size=5),
    ),
    max_leaves=20,
)


@settings(max_examples=300)
@given(values)
def test_a_preview_is_the_beginning_of_the_repr(value):
    text = repr(value)
    assert preview(value) == (text if len(text) <= PREVIEW_LENGTH else text[: PREVIEW_LENGTH - 1] + "…")


def test_previews_of_what_holds_itself():
    one: list[Any] = [1]
    one.append(one)
    two: Any = ({},)
    two[0]["x"] = two
    three: dict[str, Any] = {}
    three["c"] = [three, frozenset(), {1}, frozenset({2})]
    for value in (one, two, three):
        assert preview(value) == repr(value)


def test_a_preview_looks_at_no_more_than_it_shows():
    class Counted:
        calls = 0

        def __repr__(self) -> str:
            Counted.calls += 1
            return "counted"

    assert preview([Counted() for _ in range(1000)]) == "[" + "counted, " * 13 + "c…"
    assert Counted.calls < 20
    nest: list[Any] = []
    for _ in range(100_000):
        nest = [nest]
    assert preview(nest) == "[" * (PREVIEW_LENGTH - 1) + "…"
    while nest:
        nest = nest.pop()
