"""Dicts, sets, deques and heaps.

A name ends in the kind of the key: _INT for one in a register, _STR for a str, _TUPLE for a tuple that is not made; others take any object, and go to f where its hash
or a comparison with it may run code of users.
"""

from __future__ import annotations

from collections.abc import Iterator

from cascade.instructions.families.rows import Row

HOSTILE = "a key that CPython has to compare"


def _lookups() -> Iterator[Row]:
    for suffix, key in (("_INT", "int"), ("_STR", "object")):
        yield Row(f"DICT_ITEM{suffix}", f"a>object b<object c<{key}", "a = dict b[c], borrowed", "no such key")
        yield Row(f"DICT_GET{suffix}", f"a>object b<object c<{key} d<object", "a = dict b.get(c, d), borrowed", HOSTILE)
        yield Row(f"DICT_HOLDS{suffix}", f"a>int b<object c<{key}", "a = c in dict b", HOSTILE)
        yield Row(f"DICT_STORE{suffix}", f"a<object b<{key} c<object", "dict a[b] = c", HOSTILE)
    yield Row("DICT_ITEM", "a>owned b<object c<object f@", "a = dict b[c], or go to f")
    yield Row("DICT_FIND_INT", "a>owned b<object c<int f@", "a = dict b[c], or go to f")
    yield Row("DICT_GET", "a>owned b<object c<object d<object f@", "a = dict b.get(c, d), or go to f")
    yield Row("DICT_HOLDS", "a>int b<object c<object f@", "a = c in dict b, or go to f")
    yield Row("DICT_STORE", "a<object b<object c<object f@", "dict a[b] = c, or go to f")
    yield Row("DICT_ITEM_TUPLE", "a>owned b<object e& f@", "a = dict b[the tuple of gathering e], or go to f")
    yield Row(
        "DICT_GET_TUPLE", "a>owned b<object d<object e& f@", "a = dict b.get(the tuple of gathering e, d), or go to f"
    )
    yield Row("DICT_HOLDS_TUPLE", "a>int b<object e& f@", "a = the tuple of gathering e in dict b, or go to f")
    yield Row("DICT_STORE_TUPLE", "a<object c<object e& f@", "dict a[the tuple of gathering e] = c, or go to f")
    yield Row("DEFAULT_ITEM_INT", "a>owned b<object c<int f@", "a = defaultdict b[c], or go to f")
    yield Row("DEFAULT_ITEM", "a>owned b<object c<object f@", "a = defaultdict b[c], or go to f")


def _dicts() -> Iterator[Row]:
    yield from _lookups()
    for suffix, key in (("", "object"), ("_INT", "int")):
        yield Row(
            f"DICT_SET_DEFAULT{suffix}",
            f"a>owned b<object c<{key} d<object f@",
            "a = dict b.setdefault(c, d), or go to f",
        )
        yield Row(f"DICT_POP{suffix}", f"a>owned b<object c<{key} f@", "a = dict b.pop(c), or go to f")
        yield Row(f"DICT_POP_OR{suffix}", f"a>owned b<object c<{key} d<object f@", "a = dict b.pop(c, d), or go to f")
        yield Row(f"DICT_DELETE{suffix}", f"a<object b<{key} f@", "del dict a[b], or go to f")
    yield Row("DICT_SIZE", "a>int b<object", "a = len(dict b)")
    yield Row(
        "EXPECT_DICT",
        "a<object e# f@",
        "go to f where a does not get items (e = 0), set them (1), or hold keys (2) as a dict",
    )
    yield Row("BUILD_DICT", "a>owned e&", "a = a dict of the keys and values of gathering e")
    yield Row("ITERATE_DICT", "a>owned b<object e#", "a = an iterator over dict b: its keys, values or items by e")
    yield Row("NEXT_KEY", "a>object b<object f@", "a = the next key of iterator b, borrowed, or go to f at its end")
    yield Row("NEXT_VALUE", "a>object b<object f@", "a = the next value of iterator b, borrowed, or go to f at its end")
    yield Row("NEXT_ITEM", "a>object b<object c>object f@", "a, c = the next item of iterator b, or go to f at its end")


def _others() -> Iterator[Row]:
    yield Row("ITERATE", "a>owned b<object", "a = an iterator over b")
    yield Row("NEXT_OBJECT", "a>owned b<object f@", "a = the next object of iterator b, or go to f at its end")
    yield Row("BUILD_SET", "a>owned e&", "a = a set of the values of gathering e")
    yield Row("SET_HOLDS_INT", "a>int b<object c<int", "a = c in set b", HOSTILE)
    yield Row("SET_HOLDS", "a>int b<object c<object f@", "a = c in set b, or go to f")
    yield Row("SET_INSERT_INT", "a<object b<int", "set a.add(b)", HOSTILE)
    yield Row("SET_INSERT", "a<object b<object f@", "set a.add(b), or go to f")
    yield Row("SET_HOLDS_TUPLE", "a>int b<object e& f@", "a = the tuple of gathering e in set b, or go to f")
    yield Row("SET_INSERT_TUPLE", "a<object e& f@", "set a.add(the tuple of gathering e), or go to f")
    yield Row("SET_DISCARD", "a<object b<object f@", "set a.discard(b), or go to f")
    yield Row("SET_REMOVE", "a<object b<object f@", "set a.remove(b), or go to f")
    yield Row(
        "SET_WITHIN",
        "a>int b<object c<object e# f@",
        "a = whether the keys of set b are in c: comparison e; or go to f",
    )
    yield Row(
        "EXPECT_PLAIN_SETS", "a<object b<object e# f@", "go to f where operator e of sets a and b may run code of users"
    )
    yield Row("SET_SIZE", "a>int b<object", "a = len(set b)")
    for end, name in (("", ""), ("_FIRST", "left")):
        yield Row(f"DEQUE_APPEND{end}", "a<object b<object", f"deque a.append{name}(b)")
        yield Row(f"DEQUE_POP{end}", "a>owned b<object", f"a = deque b.pop{name}()", "an empty deque")
    yield Row("DEQUE_ITEM", "a>object b<object c<int", "a = deque b[c], borrowed", "no such item")
    yield Row("HEAP_PUSH", "a<object b<object f@", "heapq.heappush(a, b), or go to f")
    yield Row("HEAP_POP", "a>owned b<object f@", "a = heapq.heappop(b), or go to f")


ROWS: tuple[Row, ...] = (*_dicts(), *_others())
