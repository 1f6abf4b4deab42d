"""Changes of a program's tree: what people get wrong, and what may happen under way."""

from __future__ import annotations

import ast
import contextlib
import copy
import random
from collections.abc import Callable

from tests.support.reduction import replace
from tests.support.whole_programs.library import EVENTS, NUMBERS, TEXTS

OPERATORS = (
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Mod,
    ast.BitAnd,
    ast.BitOr,
    ast.BitXor,
    ast.LShift,
    ast.RShift,
    ast.Pow,
)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
EXCEPTIONS = (
    "ValueError",
    "TypeError",
    "IndexError",
    "KeyError",
    "ZeroDivisionError",
    "AttributeError",
    "Exception",
    "(TypeError, IndexError)",
    "StopIteration",
)

Function = ast.FunctionDef


class Place:
    """A function of a program, what stands in it, and the names that there are."""

    def __init__(self, tree: ast.Module, pick: random.Random) -> None:
        self.tree, self.pick = tree, pick
        functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
        self.functions = [node.name for node in tree.body if isinstance(node, Function)]
        self.classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        self.function = pick.choice(functions)
        self.nodes = list(ast.walk(self.function))
        self.names = sorted(
            {node.id for node in self.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        )
        self.names += [argument.arg for argument in self.function.args.args]

    def name(self) -> str:
        return self.pick.choice(self.names) if self.names else "LOG"

    def expressions(self, *kinds: type[ast.AST]) -> list[ast.AST]:
        return [node for node in self.nodes if isinstance(node, kinds)]

    def suites(self) -> list[list[ast.stmt]]:
        """Lists of statements, those in loops more than once."""
        found = []
        for node in self.nodes:
            for field in ("body", "orelse", "finalbody"):
                suite = getattr(node, field, None)
                if isinstance(suite, list) and suite:
                    found += [suite] * (4 if isinstance(node, (ast.For, ast.While)) else 1)
        return found

    def filled(self, template: str) -> str:
        """A line of code with names in its holes."""
        chosen = self.pick.choice(self.classes) if self.classes else None
        methods = [node.name for node in ast.walk(chosen) if isinstance(node, Function)] if chosen else []
        attributes = [node.attr for node in ast.walk(chosen) if isinstance(node, ast.Attribute)] if chosen else []
        function, other = (self.pick.choice(self.functions or ["note"]) for _ in range(2))
        values = {
            "name": self.name(),
            "second": self.name(),
            "third": self.name(),
            "function": function,
            "other": other,
        }
        values |= {"class": chosen.name if chosen else "Odd", "method": self.pick.choice(methods or ["__len__"])}
        values |= {"attribute": self.pick.choice(attributes or ["turns"])}
        given = ", ".join(argument.arg for argument in self.function.args.args)
        return template.format(**values).replace(
            "*given)", f"{given})" if function == self.function.name else "*given)"
        )

    def statements(self, text: str) -> list[ast.stmt]:
        return ast.parse(text).body

    def value(self) -> ast.expr:
        return ast.parse(self.pick.choice(NUMBERS), mode="eval").body


def changes_an_operator(place: Place) -> None:
    node = place.pick.choice(place.expressions(ast.BinOp, ast.AugAssign))
    node.op = place.pick.choice(OPERATORS)()  # type: ignore[attr-defined]


def changes_a_comparison(place: Place) -> None:
    node = place.pick.choice(place.expressions(ast.Compare))
    node.ops[place.pick.randrange(len(node.ops))] = place.pick.choice(COMPARISONS)()  # type: ignore[attr-defined]


def changes_a_constant(place: Place) -> None:
    node = place.pick.choice(place.expressions(ast.Constant))
    replace(place.function, node, ast.parse(hostile(node.value, place.pick), mode="eval").body)  # type: ignore[attr-defined]


def changes_a_name(place: Place) -> None:
    loads = [node for node in place.expressions(ast.Name) if isinstance(node.ctx, ast.Load)]  # type: ignore[attr-defined]
    place.pick.choice(loads).id = place.name()  # type: ignore[attr-defined]


def changes_a_target(place: Place) -> None:
    stores = [node for node in place.expressions(ast.Name) if isinstance(node.ctx, ast.Store)]  # type: ignore[attr-defined]
    place.pick.choice(stores).id = place.name()  # type: ignore[attr-defined]


def drops_a_statement(place: Place) -> None:
    suite = place.pick.choice(place.suites())
    del suite[place.pick.randrange(len(suite))]
    if not suite:
        suite.append(ast.Pass())


def repeats_a_statement(place: Place) -> None:
    suite, other = place.pick.choice(place.suites()), place.pick.choice(place.suites())
    suite.insert(place.pick.randrange(len(suite) + 1), copy.deepcopy(place.pick.choice(other)))


def exchanges_statements(place: Place) -> None:
    suite = place.pick.choice(place.suites())
    first, second = (place.pick.randrange(len(suite)) for _ in range(2))
    suite[first], suite[second] = suite[second], suite[first]


def puts_in_an_event(place: Place) -> None:
    suite = place.pick.choice(place.suites())
    line = place.filled(place.pick.choice(EVENTS))
    if place.pick.random() < 0.6:
        test = place.pick.choice([f"{place.name()} == {place.pick.randrange(6)}", f"note({place.name()}) == {place.pick.randrange(4)}",
                                  f"len(LOG) == {place.pick.randrange(12)}",
                                  f"next(TICKS) == {place.pick.choice([1, 9, 60, 1500, 2500, 7000])}", f"next(TICKS) % {place.pick.choice([2, 50, 900])} == 1", f"{place.name()}", "True"])  # fmt: skip
        line = f"if {test}:\n    {line}"
    suite[(at := place.pick.randrange(len(suite) + 1)) : at] = place.statements(line)


def wraps_a_statement(place: Place) -> None:
    suite = place.pick.choice(place.suites())
    at = place.pick.randrange(len(suite))
    last = min(len(suite), at + place.pick.randrange(1, 4))
    inner = suite[at:last]
    shape = place.pick.choice(["handler", "handler", "finally", "round", "if", "loop"])
    if shape == "handler":
        after = place.filled(place.pick.choice(EVENTS))
        wrapped = place.statements(
            f"try:\n    pass\nexcept {place.pick.choice(EXCEPTIONS)} as error:\n    note(error)\n    {after}"
        )
    elif shape == "finally":
        wrapped = place.statements(f"try:\n    pass\nfinally:\n    {place.filled(place.pick.choice(EVENTS))}")
    elif shape == "round":
        wrapped = place.statements(
            f"for round_{place.pick.randrange(3)} in range({place.pick.randrange(5)}):\n    pass"
        )
    elif shape == "loop":
        wrapped = place.statements(f"for {place.name()} in {place.name()}:\n    pass")
    else:
        wrapped = place.statements(
            f"if {place.name()}:\n    pass\nelse:\n    {place.filled(place.pick.choice(EVENTS))}"
        )
    wrapped[0].body = inner  # type: ignore[attr-defined]
    suite[at:last] = wrapped


def changes_an_expression(place: Place) -> None:
    kinds = (
        ast.Name,
        ast.Constant,
        ast.BinOp,
        ast.Call,
        ast.Subscript,
        ast.Attribute,
        ast.Compare,
        ast.Tuple,
        ast.List,
    )
    nodes = [node for node in place.expressions(*kinds) if isinstance(getattr(node, "ctx", ast.Load()), ast.Load)]
    node = place.pick.choice(nodes)
    text = ast.unparse(node)
    form = place.pick.choice(
        ["note({0})", "({0} if {1} else {2})", "({0} or {1})", "({0} and {1})", "(w := {0})", "[{0}][0]", "({0},)[-1]", "(lambda: {0})()",
         "{0}[{1}]", "{0}[-1]", "{0}[0]", "-{0}", "not {0}", "~{0}", "str({0})", "int({0})", "float({0})", "len({0})", "list({0})", "tuple({0})", "abs({0})",
         "{0} + {1}", "{0} * {1}", "{0} % {1}", "{0} // {1}", "{0} - 1", "{0} == {1}", "{1}", "[{0} for {1} in {2}]", "sum([{0}, {1}])", "min({0}, {1})",
         "max({0}, {1})", "sorted({0})", "{0}.{1}", "f'{{{0}}}'", "f'{{{0}!r:>8}}'", "range({0})", "set({0})", "dict({0})", "iter({0})", "{0}[:{1}]", "{0}[{1}:]",
         "{{{0}: {1}}}.get({2})", "{{{0}, {1}}}", "round({0}, 1)", "repr({0})", "bool({0})", "type({0})", "call('" + place.pick.choice(place.functions or ["note"]) + "', {0})"]
    )  # fmt: skip
    replaced = ast.parse(form.format(text, place.name(), place.name()), mode="eval").body
    replace(place.function, node, replaced)


CHANGES: list[tuple[int, Callable[[Place], None]]] = [
    (4, changes_an_operator), (3, changes_a_comparison), (6, changes_a_constant), (5, changes_a_name), (2, changes_a_target), (2, drops_a_statement),
    (2, repeats_a_statement), (2, exchanges_statements), (12, puts_in_an_event), (6, wraps_a_statement), (8, changes_an_expression),
]  # fmt: skip


def hostile(value: object, pick: random.Random) -> str:
    """Another value in the place of one, as text; near to it, more often than not."""
    if isinstance(value, (str, bytes)):
        return pick.choice(TEXTS)
    if type(value) is int and pick.random() < 0.5:
        return pick.choice(
            [
                str(value + 1),
                str(value - 1),
                f"{value}.0",
                f"{value}.5",
                str(-value),
                str(value * 10),
                f"{value}<<62",
                f"Wide({value})",
            ]
        )
    if type(value) is float and value == value and pick.random() < 0.5:
        return pick.choice(
            [f"int({value!r})", f"-{value!r}", f"{value!r}*1e300", f"np.float64({value!r})", f"np.float32({value!r})"]
        )
    return pick.choice(NUMBERS)


def change(tree: ast.Module, pick: random.Random) -> bool:
    """Changes a program in one way; returns whether it is still one."""
    kept = ast.unparse(tree)
    with contextlib.suppress(IndexError, SyntaxError, ValueError, RecursionError):
        pick.choices([made for _, made in CHANGES], [weight for weight, _ in CHANGES])[0](Place(tree, pick))
        ast.fix_missing_locations(tree)
        compile(tree, "program", "exec")
        return True
    tree.body = ast.parse(kept).body
    return False
