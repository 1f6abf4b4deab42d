"""`task.partial`: arguments that all calls share, of maps as well."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

import cascade as cs


@cs.task
def add(a: int, b: int, c: int = 0) -> int:
    return a + b + c


@cs.task
def gathered(a: Any, b: Any, /, *rest: Any, **more: Any) -> Any:
    return a, b, rest, more


@cs.task
def say(x: Any, word: str) -> str:
    return f"{word}{x}"


class Scaler:
    @cs.task
    def scale(self, x: int, factor: int) -> int:
        return x * factor


def test_a_call_passes_the_other_arguments_and_may_replace_those_held_by_name(run):
    assert run(add.partial(b=3)(1)) == 4
    assert run(add.partial(1)(2, c=5)) == 8
    assert run(add.partial(b=3)(1, b=7)) == 8
    assert run(add.partial(b=1).partial(c=5)(1)) == 7
    assert run(Scaler().scale.partial(factor=3)(2)) == 6
    assert run(add.partial(b=add(1, 1))(1)) == 3


def test_all_items_of_a_map_share_what_is_held(run):
    assert run(add.partial(b=3).map([1, 2])) == [4, 5]
    assert run(add.partial(1).map([1, 2])) == [2, 3]
    assert run(add.partial(1, 2).map([5, 6])) == [8, 9]
    assert run(add.partial(b=add(1, 1)).map([1, 2])) == [3, 4]
    assert run(add.partial(b=3).map([1, 2], c=[10, 20])) == [14, 25]
    assert run(add.partial(b=3).map([1, 2], b=[10, 20])) == [11, 22]
    assert run(add.partial(b=3).map([1, 2]).with_retry(2)) == [4, 5]
    assert run(gathered.partial(1, 2, k=3).map([7], z=[9])) == [(1, 2, (7,), {"z": 9, "k": 3})]
    assert run(Scaler().scale.partial(factor=5).map([1, 2])) == [5, 10]
    assert run(Scaler().scale.partial(2).map(factor=[1, 3])) == [2, 6]


def test_a_text_that_is_held_is_not_split(run):
    assert run(say.partial(word="hey").map([1, 2])) == ["hey1", "hey2"]
    assert run(say.partial(word="!").map("ab")) == ["!a", "!b"]


def test_typed_code_takes_shared_arguments(run):
    assert sum(run(add.partial(b=3).map(list(range(50_000))))) == sum(range(50_000)) + 150_000
    assert sum(run(add.partial(3, c=1).map(list(range(50_000))))) == sum(range(50_000)) + 200_000


def test_tail_calls_programs_pickles_and_json(run):
    @cs.task
    def loop(n: int, step: int, total: int = 0) -> Any:
        return total if n == 0 else loop.partial(step=step).tail(n - 1, total=total + step)

    assert run(loop(1000, 2)) == 2000
    assert cs.compile(add.partial(b=3))(4) == 7
    assert run(pickle.loads(pickle.dumps(add.partial(b=3)))(1)) == 4
    assert run(cs.from_json(cs.to_json(add.partial(1, c=2).map([5, 6])))) == [8, 9]
    assert repr(add.partial(1, b=3)) == "<Task add with 1, b=3>"
    assert add.partial(b=3).name == "add"


def test_an_argument_that_no_call_could_pass_is_refused_at_once():
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        add.partial(z=1)
    with pytest.raises(TypeError, match="4 were given"):
        add.partial(1, 2, 3, 4)


def test_a_constant_beside_the_inputs_of_a_map_is_refused_with_what_can_be_written():
    with pytest.raises(cs.DeclarationError, match=r"add\.partial\(b=\.\.\.\)\.map"):
        add.map([1, 2], b=3)
    with pytest.raises(cs.DeclarationError, match=r"map input 'word' is a text: 'hey'") as found:
        say.map([1, 2], word="hey")
    assert re.search(r"say\.partial\(word='hey'\)\.map\(\w+=\.\.\.\)", str(found.value))
    with pytest.raises(cs.DeclarationError, match="is a text"):
        say.map([1, 2], b"he")


def test_a_text_that_is_computed_is_refused_beside_another_input(run):
    with pytest.raises(cs.DeclarationError, match=r"map input 'word' is a text: 'he'"):
        run(say.map([1, 2], word=cs.Param("word")), params={"word": "he"})


def test_the_characters_of_a_text_are_the_items_of_a_map_of_one_input(run):
    assert run(gathered.partial(1).map("ab")) == [(1, "a", (), {}), (1, "b", (), {})]
