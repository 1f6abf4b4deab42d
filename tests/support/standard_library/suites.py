"""Which of CPython's tests are run, for which modules of its library, and which are left out, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass, field

PLAIN, TESTS, FUNCTIONS = "plain", "tests", "functions"
"""Ways to run tests: without kernels; with the test functions as tasks; with the functions of the library as tasks."""


@dataclass(frozen=True)
class Reason:
    """Why a test is left out, and in which ways."""

    text: str
    ways: tuple[str, ...] = (TESTS, FUNCTIONS)


NUMBERS = Reason("numbers have no identity in kernels")
LENGTH = Reason("it replaces `len` by a function that takes no lists, and the engine calls it", (TESTS,))
CLOCK = Reason("it fails where it takes long")
CALLER = Reason("it looks for the caller of the library in its frames, where the new code has one, too", (FUNCTIONS,))


@dataclass(frozen=True)
class Suite:
    """A test module of CPython.

    Attributes:
        tests: its name in the package `test`.
        modules: the modules, or packages, of the library whose functions become tasks; none for tests of the language.
        left_out: parts of names of tests that are not run, with the reasons.
        quick: whether it belongs to the quick set.
    """

    tests: str
    modules: tuple[str, ...]
    left_out: dict[str, Reason] = field(default_factory=dict)
    quick: bool = False

    def left_out_of(self, way: str) -> list[str]:
        return [name for name, reason in self.left_out.items() if way in reason.ways]


def suite(tests: str, *modules: str, quick: bool = False, left_out: dict[str, Reason] | None = None) -> Suite:
    return Suite(tests, modules or (tests.removeprefix("test_"),), left_out or {}, quick)


def of_language(tests: str, left_out: dict[str, Reason] | None = None) -> Suite:
    return Suite(tests, (), left_out or {})


SUITES = [
    suite("test_textwrap", quick=True),
    suite("test_difflib"),
    suite("test_statistics"),
    suite("test_heapq"),
    of_language("test_bisect"),
    suite("test_fractions", quick=True),
    suite("test_colorsys", quick=True),
    suite("test_shlex", quick=True),
    suite("test_html"),
    suite("test_htmlparser", "html", "_markupbase", quick=True),
    suite("test_urlparse", "urllib"),
    suite("test_string", quick=True),
    suite("test_pprint"),
    suite("test_json", "json"),
    suite("test_decimal", "_pydecimal"),
    suite("test_random"),
    suite("test_configparser"),
    suite("test_csv"),
    suite("test_ipaddress"),
    suite("test_calendar"),
    suite("test_copy", left_out={"TestCopy.test_copy_atomic": NUMBERS, "TestCopy.test_deepcopy_atomic": NUMBERS}),
    suite("test_fnmatch"),
    suite("test_posixpath", "posixpath", "genericpath"),
    suite("test_ntpath", "ntpath", "genericpath"),
    suite("test_quopri"),
    suite("test_base64"),
    suite("test_graphlib", quick=True),
    suite("test_cmd"),
    suite("test_optparse"),
    suite("test_argparse"),
    suite("test_datetime", "datetime", "_pydatetime", "_strptime"),
    suite("test_dataclasses"),
    suite("test_enum"),
    suite("test_collections"),
    suite("test_ordered_dict", "collections"),
    suite("test_userdict", "collections"),
    suite("test_userlist", "collections"),
    suite("test_userstring", "collections"),
    suite("test_tokenize"),
    suite("test_unparse", "ast"),
    suite("test_ast", "ast"),
    of_language("test_xml_etree"),
    suite("test_minidom", "xml"),
    suite("test_sax", "xml"),
    of_language("test_list"),
    of_language("test_dict"),
    of_language("test_set"),
    of_language("test_tuple"),
    of_language("test_unicode"),
    of_language("test_bytes"),
    of_language("test_int"),
    of_language("test_long"),
    of_language("test_float"),
    of_language("test_complex"),
    of_language("test_math"),
    of_language("test_cmath"),
    of_language("test_memoryview"),
    of_language("test_deque"),
    of_language("test_defaultdict"),
    of_language("test_itertools"),
    of_language("test_builtin"),
    of_language("test_descr"),
    of_language("test_class"),
    of_language("test_slice"),
]
