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
LENGTH = Reason("it replaces `len` by another function, and the engine calls it", (TESTS,))
DEPTH = Reason("how far calls come depends on the depth of the stack")
REPLACED = Reason("a C function replaces what calls of a function do, and leaves its code as it is")
AWAITED = Reason("a result that looks like an awaitable is awaited", (FUNCTIONS,))
REFERRERS = Reason("it looks for the only function of a code object, and the engine has another", (TESTS,))
USED = Reason("the engine itself calls the function, which then calls the engine", (FUNCTIONS,))
LINES = Reason("the engine reads lines of the source, which stay in the cache of `linecache`", (TESTS,))
VARIABLES = Reason("a frame below a call-out has only the variables that the call-out reads", (TESTS,))
LATE = Reason(
    "CPython 3.11 makes an exception that a C function sets when it is handled: one that cannot be made has another traceback"
)
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


def tests_only(tests: str, left_out: dict[str, Reason] | None = None) -> Suite:
    return Suite(tests, (), left_out or {})


SUITES = [
    suite("test_textwrap", quick=True),
    suite("test_difflib"),
    suite("test_statistics"),
    suite("test_heapq"),
    tests_only("test_bisect"),
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
    suite("test_dataclasses", left_out={"test_is_dataclass_genericalias": USED}),
    suite("test_enum"),
    suite("test_collections"),
    suite("test_ordered_dict", "collections"),
    suite("test_userdict", "collections"),
    suite("test_userlist", "collections"),
    suite("test_userstring", "collections"),
    suite("test_functools", left_out={"test_lru_reentrancy_with_len": LENGTH}),
    suite(
        "test_re",
        "re",
        left_out={
            "test_search_anchor_at_beginning": CLOCK,
            "test_re_groupref_exists_errors": CALLER,
            "test_symbolic_groups_errors": CALLER,
            "test_possible_set_operations": CALLER,
            "test_symbolic_refs_errors": CALLER,
        },
    ),
    suite("test_tokenize"),
    suite("test_unparse", "ast"),
    suite("test_ast", "ast"),
    tests_only("test_xml_etree"),
    suite("test_minidom", "xml"),
    suite("test_sax", "xml"),
    suite("test_locale"),
    suite("test_gettext"),
    suite("test_glob"),
    suite("test_uuid"),
    suite("test_pickletools"),
    suite("test_numeric_tower", "numbers", "fractions"),
    suite("test_abstract_numbers", "numbers"),
    suite("test_operator"),
    tests_only("test_keyword"),
    suite("test_linecache"),
    suite("test_netrc"),
    suite("test_mailcap"),
    suite("test_mimetypes"),
    suite("test_http_cookies", "http"),
    suite("test_http_cookiejar", "http"),
    suite("test_zipfile"),
    suite("test_wave"),
    suite("test_aifc"),
    suite("test_stringprep"),
    suite("test_codecs"),
    suite("test_contextlib"),
    suite("test_weakset", "_weakrefset", "weakref"),
    suite("test_types", left_out={"CoroutineTests": AWAITED}),
    suite("test_reprlib"),
    suite("test_queue"),
    suite("test_hmac"),
    tests_only("test_list"),
    tests_only("test_dict"),
    tests_only("test_set"),
    tests_only("test_tuple"),
    tests_only("test_unicode"),
    tests_only("test_bytes"),
    tests_only("test_int"),
    tests_only("test_long"),
    tests_only("test_float"),
    tests_only("test_complex"),
    tests_only("test_math"),
    tests_only("test_cmath"),
    tests_only("test_memoryview"),
    tests_only("test_deque"),
    tests_only("test_defaultdict"),
    tests_only("test_itertools"),
    tests_only("test_builtin"),
    tests_only("test_descr"),
    tests_only("test_class"),
    tests_only("test_slice"),
    tests_only("test_range"),
    tests_only("test_enumerate"),
    tests_only("test_iter"),
    tests_only("test_exceptions", left_out={"test_recursion_in_except_handler": DEPTH, "testSettingException": LATE}),
    tests_only("test_exception_group"),
    tests_only("test_except_star"),
    tests_only("test_with"),
    tests_only("test_grammar"),
    tests_only("test_patma", left_out={"test_patma_144": NUMBERS}),
    tests_only("test_augassign"),
    tests_only("test_binop"),
    tests_only("test_compare"),
    tests_only("test_richcmp"),
    tests_only("test_contains"),
    tests_only("test_index"),
    tests_only("test_unpack"),
    tests_only("test_named_expressions"),
    tests_only("test_fstring"),
    tests_only("test_format"),
    tests_only("test_super"),
    tests_only("test_property"),
    tests_only("test_scope"),
    tests_only("test_raise"),
    tests_only("test_call", left_out={"test_setvectorcall": REPLACED}),
    tests_only("test_keywordonlyarg"),
    tests_only("test_positional_only_arg"),
    tests_only("test_funcattrs"),
    tests_only("test_isinstance"),
    tests_only("test_hash"),
    tests_only("test_bool"),
    tests_only("test_pow"),
    tests_only("test_strtod"),
    tests_only("test_sort", left_out={"test_safe_object_compare": NUMBERS, "test_unsafe_float_compare": NUMBERS}),
    tests_only("test_struct"),
    tests_only("test_opcodes"),
    tests_only("test_dynamic", left_out={"test_modify_builtins": LENGTH}),
    tests_only("test_global"),
    tests_only("test_baseexception"),
    tests_only("test_string_literals"),
    tests_only("test_buffer"),
    tests_only("test_peepholer"),
    tests_only("test_typechecks"),
    tests_only("test_subclassinit"),
    tests_only("test_decorators"),
    suite("test_plistlib", left_out={"TestBinaryPlistlib.test_identity": NUMBERS}),
    suite("test_trace", left_out={"test_loop_caller_importing": REFERRERS}),
    suite("test_weakref"),
    suite("test_getopt"),
    suite("test_sched"),
    suite("test_strptime", "_strptime"),
    suite("test_tomllib", left_out={"recursion_limit": DEPTH}),
    tests_only("test_typing"),
    suite(
        "test_traceback",
        left_out={"test_extract_stackup_deferred_lookup_lines": LINES, "test_format_locals": VARIABLES},
    ),
]
