"""Random expressions of the subset that is lowered, with hostile values. A grammar writes them.

A rule is a weight and a template; `{int}` in a template stands for another expression of that kind, and `~` marks what
only wild programs do: to have values whose type is not known before the program runs.

The kinds say what a value mostly is: arguments of other types make an "int" anything, which is wanted. Only "real" is
sure to be a float (or to raise), so that products of such values cannot grow. What could fill the memory of plain
Python is kept small here: exponents, shift counts, digits of `round`, and products of variables inside loops, which
double their bits at each step.
"""

from __future__ import annotations

import re
from random import Random

from tests.support.random_programs.model import Helper
from tests.support.random_programs.numbers import EDGES, FLOATS, INTS, MODULI, WIDE_INTS

OF_FLOAT = (
    "sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp exp2 expm1 log log2 log10 log1p fabs erf erfc"
    " gamma lgamma degrees radians cbrt ulp"
).split()
OF_TWO_FLOATS = "atan2 fmod hypot pow remainder nextafter log".split()
# What an expression is when it does not go deeper.
LEAVES = {
    "int": """
        12 {int_name}
        4 {int_literal}
        1 FACTOR
    """,
    "float": """
        8 {float_name}
        4 {float_literal}
        1 SCALE
    """,
    "real": """
        6 {real_name}
        2 {float_literal}
        1 {constant}
    """,
    "bool": """
        6 {bool_name}
        4 ({int_name} {compare} {int_literal})
        3 ({float_name} {compare} {float_literal})
        2 ({any_name} is None)
        1 True
        1 False
        1 FLAG
    """,
    "any": """
        6 {any_name}
        2 None
        1 NOTHING
        2 {int_name}
        1 {float_name}
        1 {bool_name}
    """,
}  # fmt: skip

RULES = {
    "int": """
        7 ({int} + {int})
        7 ({int} - {int})
        8 {product}
        5 ({int} // {divisor})
        5 ({int} % {divisor})
        3 ({int} & {int})
        2 ({int} | {int})
        2 ({int} ^ {int})
        3 ({int} << {count})
        3 ({int} >> {shift})
        2 {power}
        2 (-{int})
        1 (+{int})
        2 (~{int})
        3 ({int} if {test} else {int})
        2 ({int} and {int})
        2 ({int} or {int})
        2 ({int} + {bool})
        1 ({bool} * {int})
        1 ({bool} + {bool})
        2 abs({int})
        2 min({int}, {int})
        2 max({int}, {int})
        1 min({int}, {int}, {int_literal})
        1~ max({bool}, {int})
        1 int({int})
        1 int({bool})
        2 int({float})
        1 round({float})
        1 round({int})
        1 round({int}, {digits})
        2 pow({int}, {exponent}, {modulus})
        1 pow({int} & 255, {small})
        1 {floor}({float})
        1 math.ceil({float})
        1 math.trunc({float})
        1 math.gcd({int}, {int})
        1 math.lcm({int} & 255, {int} & 255)
        1 math.isqrt(abs({int}))
        1~ math.isqrt({int})
        1 math.factorial({int} & 15)
        1 math.comb({int} & 31, {int} & 7)
        1 math.perm({int} & 15, {int} & 3)
        1 math.perm({int} & 31)
        1 math.comb({int} & 127, {int} & 63)
        1 math.gcd({int}, {int}, {int})
        1 len({sized})
        3 {call_int}
        2 {guarded}
    """,
    "float": """
        6 ({float} + {float})
        4 ({float} - {float})
        3 ({float} + {int})
        3 ({int} - {float})
        5 {float_product}
        3 ({real} * {int})
        5 ({float} / {float_divisor})
        5 ({int} / {divisor})
        2 ({float} // {float_divisor})
        3 ({float} % {float_divisor})
        1 ({int} // {float_divisor})
        1 ({int} % {float_divisor})
        2 (-{float})
        1 (+{float})
        3 ({float} if {test} else {float})
        2 ({float} or {float})
        1 ({float} and {float})
        2 abs({float})
        1 min({float}, {float})
        1 max({float}, {float})
        1~ max({int}, {float})
        3 {call_float}
        3 {tree}
        6 {real}
    """,
    "real": """
        3 ({real} + {number})
        3 ({number} - {real})
        4 ({real} * {number})
        3 ({real} * {real})
        2 ({number} / {divisor})
        2 float({number})
        1 (-{real})
        1 abs({real})
        1 ({real} // {float_divisor})
        1 ({real} % {float_divisor})
        1 ({real} ** {small})
        1 ({real} ** {float_literal})
        1 ((1.0 * {float}) ** {number})
        1 pow(1.0 * {float}, {small})
        1~ (({int} | 1) ** -{one_or_two})
        2 round({real}, {small})
        1 round({real}, -{small})
        4 {function1}({float})
        2 {square_root}(abs({float}))
        1 {function1}({int})
        2 {function2}({float}, {float})
        1 math.ldexp({float}, {int})
        1 math.copysign({float}, {int})
        1 math.copysign({float}, {float_literal})
        1 math.pow({float}, {int})
    """,
    "bool": """
        6 ({int} {compare} {int})
        4 ({float} {compare} {float})
        4 ({number} {compare} {number})
        3 ({number} {compare} {number} {compare} {number})
        2 ({edge_int} + ({int} & 3) {compare} {edge_float})
        1 ({edge_float} {compare} {edge_int} - ({int} & 3))
        2 ({int} {compare} {int} {compare} {int})
        2 (not {bool})
        1 (not {number})
        3 ({bool} and {bool})
        3 ({bool} or {bool})
        1 ({bool} ^ {bool})
        1 ({bool} & {bool})
        1 ({bool} | {bool})
        1 ({bool} if {bool} else {bool})
        1 ({bool} {compare} {bool})
        2 ({any} is None)
        2 ({any} is not None)
        1 ({object_name} is {any})
        1 ({bool} is True)
        1 bool({number})
        1 {is_nan}({float})
        1 math.isinf({float})
        1 math.isfinite({number})
        1 math.isclose({float}, {float})
        1 math.isclose({float}, {float}, rel_tol={float_literal}, abs_tol={real})
        1~ ({any} == {any})
        1~ ({any} != {number})
    """,
    "any": """
        3 {any}
        2 {number}
        1~ (None if {bool} else {number})
        1~ ({number} if {bool} else {any})
        1~ ({any} or {number})
        1~ ({any} and {number})
        1 {call_any}
    """,
    # From here on whatever the depth.
    "number": """
        6 {int}
        5 {float}
        1 {bool}
    """,
    "test": """
        8 {bool}
        1 {int}
        1 {float}
        1~ {any}
    """,
    # As the heads of loops mostly are.
    "loop_test": """
        4 {int_name} {compare} {int_leaf}
        4 {int_name} {arithmetic} {int_leaf} {compare} {int_leaf}
        2 {float_name} {compare} {float_leaf}
        4 {float_name} {arithmetic_of_floats} {float_leaf} {compare} {float_leaf}
        2 not {float_name} {arithmetic_of_floats} {float_leaf} {compare} {float_leaf}
        1 {any_name} is None
        1 {any_name} is not None
        1 {object_name} is {any_name}
        1 {object_name} is not {any_name}
        2 {test}
    """,
    "arithmetic": """
        2 +
        2 -
        2 *
        1 &
        1 |
        1 ^
        1 >>
        2 %
        1 // 3 -
    """,
    "arithmetic_of_floats": """
        2 +
        2 -
        2 *
    """,
    "divisor": """
        5 {nonzero}
        3 ({int} | 1)
        1 {int}
        1 {int_name}
    """,
    "float_divisor": """
        4 {float_literal}
        3 (0.5 + abs({float}))
        2 {float}
        1 {nonzero}
    """,
    "count": """
        6 {shift_literal}
        3 ({int} & 63)
        1 min({int}, 90)
        1 ({int} % 70)
    """,
    "shift": """
        5 {shift_literal}
        3 ({int} & 63)
        1 {int}
        1 {int_literal}
    """,
    "exponent": """
        3 ({int} & 31)
        2 {small}
        1 ({int} % 9223372036854775783)
        1~ ({int} % 18446744073709551557)
        1 {int_literal}
    """,
    "modulus": """
        5 {modulus_literal}
        2 ({int} | 1)
        1 {int}
    """,
    "power": """
        2 (({int} & 31) ** ({int} & 15))
        1 (2 ** ({int} & 127))
        1 ((-1) ** {int})
        1 (({int} & 7) ** {small})
        3 {square}
    """,
    "guarded": """
        3 ({mixed_name} if {again} is not None else {int_literal})
        1~ ({mixed_name} or {int_literal})
    """,
    "one_or_two": """
        2 1
        1 2
    """,
    "digits": """
        4 {small}
        2 -{small}
        1 ({int} & 15)
        1 308
        1 -400
        1 None
    """,
    "sized": """
        1 {object_name}
        1 'text'
        1 SIZED
    """,
    "floor": """
        3 math.floor
        1 floor
    """,
    "square_root": """
        3 math.sqrt
        1 sqrt
    """,
    "is_nan": """
        3 math.isnan
        1 isnan
    """,
    "constant": """
        2 math.pi
        1 math.e
        1 math.tau
        1 math.inf
        1 math.nan
        1 pi
        1 inf
        1 nan
    """,
    "range": """
        4 {small}
        3 {small_signed}, {small_signed}
        2 {small_signed}, {small_signed}, {step}
        1 4, -4, -3
        3 {int} & 3
        2 0, {int} & 7, 2
        1 9223372036854775804, 9223372036854775807
        1~ 9223372036854775805, 9223372036854775809
        1~ -9223372036854775807, -9223372036854775811, -1
        1 {small_signed}, 3, {int} & 1
        2 {int_name}, {again} + 3
        1 {int_name}, {again} - 3, -1
        1 {int_name}, {again} + 7, 3
        1 {int_name}, {again} - 7, -3
        1 min({int}, 4), max({int}, -4), -{one_or_two}
        1 0, {int} & 9223372036854775807, 4611686018427387904
        1~ 0, {int} & 18446744073709551615, 4611686018427387904
        2 min({int}, 4)
        1 -3, min({int}, 3), {small}
        1 {bool} & True
        1 {small_signed}, ({bool} & True) + 2
        1 True, 3
    """,
}  # fmt: skip

Parts = tuple[str, ...]
Grammar = dict[str, tuple[Parts, ...]]


def _read(text: str, wild: bool) -> tuple[Parts, ...]:
    """The templates of a rule, each as often as it weighs; a template is text and symbols in turn."""
    found: list[Parts] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        weight, template = line.split(" ", 1)
        if wild or not weight.endswith("~"):
            found += [tuple(re.split(r"\{(\w+)\}", template))] * int(weight.removesuffix("~"))
    return tuple(found)


def _grammar(rules: dict[str, str], wild: bool) -> Grammar:
    return {symbol: _read(text, wild) for symbol, text in rules.items()}


GRAMMARS = {wild: (_grammar(LEAVES, wild), _grammar(RULES, wild)) for wild in (False, True)}
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def int_text(value: int) -> str:
    return str(value) if value >= 0 else f"({value})"


def float_text(value: float) -> str:
    """A literal: infinity is one that is too large, and the difference of two of them is nan."""
    text = repr(value)
    if "n" in text:
        return {"inf": "1e999", "-inf": "(-1e999)", "nan": "(1e999 - 1e999)"}[text]
    return f"({text})" if text.startswith("-") else text


class Expressions:
    """Writes expressions about the variables in `scope`, which says of each what it mostly is."""

    def __init__(self, pick: Random) -> None:
        self.pick = pick
        self.chance = pick.random
        self.wildness = pick.choice([0.0, 0.0, 0.0, 0.005, 0.03])  # how often a name stands where it does not belong
        self.leaves, self.rules = GRAMMARS[self.wildness > 0]
        self.scope: dict[str, str] = {}
        self.helpers: list[Helper] = []
        self.loops = 0
        self.products = 0
        self.again = ""  # the variable that was written last, for templates that name it twice

    def write(self, symbol: str, depth: int) -> str:
        """An expression for a symbol of the grammar, at most `depth` rules deep."""
        leaves = self.leaves.get(symbol)
        if leaves is not None and (depth <= 0 or self.chance() < 0.2):
            rules = leaves
        elif symbol in self.rules:
            rules = self.rules[symbol]
            depth -= leaves is not None
        else:
            return str(getattr(self, "write_" + symbol)(depth))
        parts = rules[int(self.chance() * len(rules))]
        if len(parts) == 1:
            return parts[0]
        return "".join([self.write(part, depth) if place & 1 else part for place, part in enumerate(parts)])

    # -- Names --------------------------------------------------------------------------------------------------------

    def name(self, *kinds: str) -> str | None:
        """A variable of one of the kinds; in wild programs at times any other, also one that may be unbound."""
        if self.chance() < self.wildness:
            names = list(self.scope)
        else:
            names = [name for name, kind in self.scope.items() if kind in kinds]
        if not names:
            return None
        return names[int(self.chance() * len(names))]

    def write_int_name(self, depth: int) -> str:
        self.again = self.name("int") or self.write_int_literal(depth)
        return self.again

    def write_mixed_name(self, depth: int) -> str:
        self.again = self.name("mixed", "none", "any") or self.name("int") or "NOTHING"
        return self.again

    def write_again(self, depth: int) -> str:
        return self.again

    def write_float_name(self, depth: int) -> str:
        return self.name("float", "real") or self.write_float_literal(depth)

    def write_real_name(self, depth: int) -> str:
        return self.name_of_real() or self.write_float_literal(depth)

    def name_of_real(self) -> str | None:
        # Here never anything else: it is what keeps products small.
        names = [name for name, kind in self.scope.items() if kind == "real"]
        return self.pick.choice(names) if names else None

    def write_bool_name(self, depth: int) -> str:
        known = self.name("bool")
        return known or f"({self.write_int_name(depth)} {self.write_compare(depth)} {self.write_int_name(depth)})"

    def write_any_name(self, depth: int) -> str:
        return self.name("object", "none", "mixed", "any") or self.name("int", "float") or "None"

    def write_object_name(self, depth: int) -> str:
        return self.name("object") or "SIZED"

    # -- Literals and operators ---------------------------------------------------------------------------------------

    def write_int_literal(self, depth: int) -> str:
        chance = self.chance()
        if chance < 0.6:
            return int_text(self.pick.randint(-9, 9))
        return int_text(self.pick.choice(INTS if chance < 0.98 or not self.wildness else WIDE_INTS))

    def write_float_literal(self, depth: int) -> str:
        if self.chance() < 0.5:
            return float_text(self.pick.randint(-80, 80) / 8)
        return float_text(self.pick.choice(FLOATS))

    def write_edge_int(self, depth: int) -> str:
        return int_text(self.pick.choice(EDGES))

    def write_edge_float(self, depth: int) -> str:
        return float_text(float(self.pick.choice(EDGES)))

    def write_nonzero(self, depth: int) -> str:
        return int_text(self.pick.choice([2, 3, 7, 10, -1, -2, -3, 1, 97, 1024, *INTS[5:]]))

    def write_shift_literal(self, depth: int) -> str:
        if self.chance() < 10 * self.wildness:
            return "(-1)"
        return self.pick.choice(["0", "1", "2", "3", "5", "8", "31", "32", "62", "63", "64", "65", "70", "True"])

    def write_modulus_literal(self, depth: int) -> str:
        if self.chance() < 0.05:
            return "0"
        return int_text(self.pick.choice([*MODULI, *([2**64 - 59, 2**64 + 13] if self.wildness else []), 1, -1, -7]))

    def write_small(self, depth: int) -> str:
        return str(int(self.chance() * 5))

    def write_small_signed(self, depth: int) -> str:
        return str(self.pick.randint(-3, 4))

    def write_step(self, depth: int) -> str:
        return self.pick.choice(["1", "2", "3", "-1", "-2", "-3", "-4"])

    def write_int_leaf(self, depth: int) -> str:
        return self.write("int", 0)

    def write_float_leaf(self, depth: int) -> str:
        return self.write("float", 0)

    def write_compare(self, depth: int) -> str:
        return COMPARISONS[int(self.chance() * 6)]

    def write_function1(self, depth: int) -> str:
        return "math." + self.pick.choice(OF_FLOAT)

    def write_function2(self, depth: int) -> str:
        return "math." + self.pick.choice(OF_TWO_FLOATS)

    # -- What could grow ----------------------------------------------------------------------------------------------

    def may_grow(self) -> bool:
        """Whether one more product of variables may be left as it is: a few outside of loops."""
        if self.loops or self.products <= 0:
            return False
        self.products -= 1
        return True

    def write_product(self, depth: int) -> str:
        left = self.write("int", depth)
        if self.chance() < 0.4:
            return f"({left} * {self.write_int_literal(depth)})"
        return f"({left} * {self.write('int', depth)}{self.reduced()})"

    def write_square(self, depth: int) -> str:
        return f"({self.write('int', depth)} ** {self.pick.choice('0122223')}{self.reduced()})"

    def reduced(self) -> str:
        if self.may_grow():
            return ""
        return f" {self.pick.choice('%%&')} {self.pick.choice(MODULI)}"

    def write_float_product(self, depth: int) -> str:
        left = self.write("float" if self.may_grow() else "real", depth)
        return f"({left} * {self.write('float', depth)})"

    def write_tree(self, depth: int) -> str:
        """A formula of a few variables, as a numeric loop has them."""
        names = [name for name, kind in self.scope.items() if kind == "real" or kind == "float" and not self.loops]
        if not names:
            return self.write("real", 0)
        names = [self.pick.choice(names) for _ in range(5)]
        first, second, third, fourth = self.pick.choices("++-*", k=4)
        template = self.pick.choice(["({0} {f} {1}) {g} ({2} {h} {3})", "({0} {f} {1} {g} {2} {h} {3}) {i} {4}"])
        return "(" + template.format(*names, f=first, g=second, h=third, i=fourth) + ")"

    # -- Calls --------------------------------------------------------------------------------------------------------

    def write_call_int(self, depth: int) -> str:
        return self.call("int", depth) or self.write("int", 0)

    def write_call_float(self, depth: int) -> str:
        return self.call("float", depth) or self.write("float", 0)

    def write_call_any(self, depth: int) -> str:
        return self.call("any", depth) or self.write("any", 0)

    def call(self, kind: str, depth: int) -> str | None:
        """A call of a helper with such a result: by position, by keyword, with defaults; seldom a wrong one."""
        helpers = [helper for helper in self.helpers if helper.kind == kind]
        if not helpers:
            return None
        helper = self.pick.choice(helpers)
        texts = []
        by_keyword = False
        for parameter in helper.parameters:
            if parameter.default is not None and self.chance() < 0.4 or self.chance() < 0.005:
                by_keyword = True
                continue
            by_keyword = by_keyword or self.chance() < 0.1
            text = self.write(parameter.kind, min(depth - 1, 1))
            texts.append(f"{parameter.name}={text}" if by_keyword else text)
        return f"{helper.name}({', '.join(texts)})"
