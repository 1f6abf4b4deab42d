"""The command line."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.cli import main
from cascade.errors import TargetError
from tests.support.tasks import add, increment

SOURCE = '''
"""Targets for the command line."""
from __future__ import annotations
import enum, sys, time
from typing import Annotated, Literal
import cascade as cs

class Colour(enum.Enum):
    RED = 1
    BLUE = 2

@cs.resource
def database(url=cs.Param("url", "local", description="where the data is")):
    yield f"db at {url}"

@cs.task
def greet(name: str, times: Annotated[int, "how often, 100%"] = 1, *rest: int, loud: bool = False, **more: int):
    """Greets somebody."""
    return " ".join([name.upper() if loud else name] * times)

@cs.task
def everything(whole: int, items: list[int], colour: Colour = Colour.RED, mode: Literal["a", "b"] = "a",
               limit: int | None = None, ratio=0.5, pairs={}, text="", *, under_score: float = 1.0):
    return [whole, items, colour.name, mode, limit, ratio, pairs, text, under_score]

@cs.task
def query(text, db=cs.inject("database")):
    return f"{text} from {db}"

@cs.task
def odd(help: int = 0, timeout: int = 0, params: int = 0):
    return help, timeout, params

@cs.task
def positional(a: int, /, b: int):
    return a - b

@cs.task
def sentinel(n: int = "auto"):
    return repr(n)

class Scaler:
    factor = 3

    @cs.task
    def scale(self, x: int):
        "Scales x."
        return self.factor * x

scale = Scaler().scale

@cs.task
def double(x: int):
    return 2 * x

@cs.task
def fails(message: str = "broken"):
    raise ValueError(message)

@cs.task
def misuses():
    raise cs.CascadeError("from the task")

@cs.task
def spin(n: int = 0):
    return cs.TailCall((n + 1,))

@cs.task(lower=True)
def counted(n: int):
    total = 0
    for i in range(n):
        total += i
    return total

@cs.task
def several():
    return 1

@cs.task
def value():
    return {1, 2}

@cs.task
def unfit(x: int):
    return x

graph = double(double(cs.Param("n", type=int, description="the number")))
both = [graph, several()]
environment = double(cs.Env("CASCADE_TEST_N", type=int))
program = cs.compile(graph)
tripled = double(cs.Param("n", type=lambda text: int(text) * 3))
number = 5
size = cs.Param("size", 3)
'''

WORKFLOW = '''
"""Targets with policies, Routers, maps and state machines."""
import cascade as cs

calls = []

@cs.task
def flaky(x: int) -> int:
    calls.append(x)
    if len(calls) % 3:
        raise OSError("not yet")
    return x

@cs.task(timeout=9.0, constraints={"cpu": 2})
def heavy(x: int) -> int:
    return x * x

@cs.task
def add(a, b):
    return a + b

@cs.task
def down(n: int, step: int = 1):
    return cs.Jump("again", n - step) if n > 0 else cs.Jump("end", "landed")

def falling(n):
    first = down(n, step=cs.Param("step", 1, type=int, description="how fast"))
    return cs.bind(first, cs.select_jump({"again": first, "end": None}))

retried = flaky(4).with_retry(3)
constrained = add(heavy(3), heavy(1).with_constraints(memory=0.5))
mapped = add.map([1, 2], cs.Param("others", type=list[int])).with_concurrency(1)
routed = cs.Router(cs.Param("way", type=str), {
    "sum": add(cs.Param("a", 1, type=int, description="only in a route"), 1), "fall": falling(cs.Env("CASCADE_TEST_HEIGHT", 3, type=int)),
    "nest": cs.Router("x", {"x": add(cs.Param("deep", 5, type=int), 0)}),
})
machine = falling(cs.Param("height", 5, type=int))
program = cs.compile(constrained, system_resources={"cpu": 2, "memory": 1})
graph = cs.from_json(cs.to_json(routed))
'''


@pytest.fixture(autouse=True)
def flow(tmp_path, monkeypatch):
    (tmp_path / "cascade_flow.py").write_text(SOURCE)
    (tmp_path / "cascade_workflow.py").write_text(WORKFLOW)
    (tmp_path / "cascade_broken.py").write_text("import cascade_not_there\n")
    (tmp_path / "cascade_raises.py").write_text("raise OSError('at import')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("cascade_flow", None)
    sys.modules.pop("cascade_workflow", None)


@pytest.fixture
def cli(capsys):
    def call(*arguments: str, status: int = 0) -> Any:
        found = main(list(arguments))
        result = capsys.readouterr()
        assert found == status, result.err
        return result.out if status == 0 else result.err

    return call


def run(cli: Any, target: str, *arguments: str, status: int = 0) -> Any:
    return cli("run", "--progress", "none", f"cascade_flow:{target}", *arguments, status=status)


@pytest.mark.parametrize("way", [[], ["--graph-path"]])
@pytest.mark.parametrize(
    ("target", "arguments", "expected"),
    [
        ("greet", ["--name", "bob"], "bob"),
        ("greet", ["--name", "bob", "--times", "2", "--loud"], "BOB BOB"),
        ("greet", ["--name=x", "--no-loud"], "x"),
        ("everything", ["--whole", "-1", "--items", "-2", "--ratio", "-1e-3"], "[-1, [-2], 'RED', 'a', None, -0.001, {}, '', 1.0]"),
        ("everything", ["--whole", "-1", "--items", "--ratio", "-inf"], "[-1, [], 'RED', 'a', None, -inf, {}, '', 1.0]"),
        ("sentinel", [], "'auto'"),
        ("sentinel", ["--n", "3"], "3"),
        ("scale", ["--x", "3"], "9"),
        ("everything", ["--whole", "1", "--items", "1", "2"], "[1, [1, 2], 'RED', 'a', None, 0.5, {}, '', 1.0]"),
        (
            "everything",
            ["--whole=-1", "--items", "[3]", "--colour", "BLUE", "--mode", "b", "--limit", "5", "--ratio", "2", "--pairs",
             '{"a": 1}', "--text", "t", "--under-score", "3"],
            "[-1, [3], 'BLUE', 'b', 5, 2.0, {'a': 1}, 't', 3.0]",
        ),
        ("everything", ["--whole", "1", "--items", "--under_score", "2"], "[1, [], 'RED', 'a', None, 0.5, {}, '', 2.0]"),
        ("query", ["--text", "all"], "all from db at local"),
        ("query", ["--text", "all", "--url", "there"], "all from db at there"),
        ("odd", ["--help", "1", "--timeout", "2", "--params", "3"], "(1, 2, 3)"),
        ("positional", ["--a", "5", "--b", "3"], "2"),
        ("graph", ["--n", "3"], "12"),
        ("both", ["--n", "3"], "[12, 1]"),
        ("program", ["--n", "3"], "12"),
        ("tripled", ["--n", "3"], "18"),
    ],
)  # fmt: skip
def test_targets_run_with_options(cli, way, target, arguments, expected):
    assert cli("run", *way, "--progress", "none", f"cascade_flow:{target}", *arguments) == expected + "\n"


@pytest.mark.parametrize("way", [[], ["--graph-path"]])
@pytest.mark.parametrize(
    ("options", "target", "arguments", "expected"),
    [
        ([], "retried", [], "4"),
        (["--resource", "cpu=2", "--resource", "memory=.5"], "constrained", [], "10"),
        (["--resource", "cpu=inf", "--resource", "memory=1"], "constrained", [], "10"),
        (["--resource", "cpu=2"], "heavy", ["--x", "5"], "25"),
        ([], "program", [], "10"),
        (["--resource", "cpu=4"], "program", [], "10"),
        ([], "mapped", ["--others", "10", "20"], "[11, 22]"),
        ([], "routed", ["--way", "sum"], "2"),
        ([], "routed", ["--way", "sum", "--a", "5"], "6"),
        ([], "routed", ["--way", "fall", "--step", "2"], "landed"),
        ([], "routed", ["--way", "nest", "--deep", "7"], "7"),
        ([], "graph", ["--way", "nest", "--deep", "7"], "7"),
        ([], "machine", ["--height", "9", "--step", "4"], "landed"),
    ],
)
def test_targets_with_policies_run_with_options(cli, way, options, target, arguments, expected):
    assert cli("run", *way, "--progress", "none", *options, f"cascade_workflow:{target}", *arguments) == expected + "\n"


def test_what_only_routes_need_stands_in_the_help(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    text = cli("run", "cascade_workflow:routed", "--help")
    assert "only in a route, default: 1" in text and "--deep INT" in text and "how fast" in text
    assert "CASCADE_TEST_HEIGHT: int = 3" in text
    monkeypatch.setenv("CASCADE_TEST_HEIGHT", "x")
    assert "'CASCADE_TEST_HEIGHT' is 'x'" in cli(
        "run", "--progress", "none", "cascade_workflow:routed", "--way", "fall", status=2
    )


@pytest.mark.parametrize(
    ("options", "message", "status"),
    [
        ([], "hint: --resource NAME=AMOUNT says how much there is", 1),
        (["--resource", "cpu=1"], "cpu=2 exceeds total system capacity, which is 1", 1),
        (["--resource", "cpu"], "argument --resource: 'cpu': expected NAME=AMOUNT, such as cpu=4", 2),
        (["--resource", "=4"], "expected NAME=AMOUNT", 2),
        (["--resource", "cpu=many"], "'cpu=many': the amount is not a number", 2),
        (["--resource", "cpu="], "the amount is not a number", 2),
        (["--resource", "cpu=-1"], "expected an amount of 0 or more", 2),
        (["--resource", "cpu=nan"], "expected an amount of 0 or more", 2),
        (["--resource", "cpu=1", "--resource", "cpu=2"], "argument --resource: 'cpu' is given twice", 2),
    ],
)
def test_system_resources_are_checked(cli, options, message, status):
    assert message in cli("run", "--progress", "none", *options, "cascade_workflow:constrained", status=status)


@pytest.mark.parametrize(
    "target", ["retried", "constrained", "heavy", "mapped", "routed", "machine", "program", "graph"]
)
def test_targets_with_policies_are_shown(cli, target):
    texts = {
        command: cli(command, f"cascade_workflow:{target}") for command in ("plan", "graph", "explain", "disassemble")
    }
    texts["mermaid"] = cli("graph", "--format", "mermaid", f"cascade_workflow:{target}")
    expected = {
        "retried": {
            "plan": "[retry 3]",
            "graph": "flaky\\nretry 3",
            "explain": "managed  retry 3",
            "disassemble": "; node 0, retry 3",
        },
        "constrained": {
            "plan": "[timeout 9 s, cpu=2, memory=0.5]",
            "graph": "cpu=2",
            "explain": "timeout 9 s, cpu=2",
            "disassemble": "cpu=2",
        },
        "heavy": {"plan": "heavy#0(x=<x>)  [timeout 9 s, cpu=2]", "disassemble": "LOOP_POLICIES"},
        "mapped": {
            "plan": "add#0.map(a=[1, 2], b=<others>)  [1 at once]",
            "mermaid": "{{",
            "explain": "called for each item of a map",
            "disassemble": "add.map(r1!, r0!) with policies",
        },
        "routed": {
            "plan": "'sum' -> add#1",
            "mermaid": '{"Router"}',
            "explain": "down",
            "disassemble": "the route 'nest' of Router#0\nblueprint Router",
        },
        "machine": {
            "plan": "'again' -> down#0",
            "graph": 'label="end"',
            "explain": "machine down",
            "disassemble": "SELECT",
        },
    }
    expected["program"], expected["graph"] = expected["constrained"], expected["routed"]
    for command, text in expected[target].items():
        assert text in texts[command], texts[command]


def test_a_script_with_an_engine_has_the_options_that_act_on_it(capsys):
    target = increment(cs.Param("x", type=int)).with_constraints(cpu=1)
    assert cs.create_cli(target).main(["--x", "1", "--resource", "cpu=1", "--progress", "none"]) == 0
    own = cs.create_cli(target, engine=cs.Engine(system_resources={"cpu": 1}))
    assert own.main(["--x", "1", "--timeout", "9"]) == 0
    assert own.main(["--x", "1", "--resource", "cpu=1"]) == 2
    assert "unrecognized arguments: --resource cpu=1" in capsys.readouterr().err
    odd = cs.task(lambda resource: resource, name="odd")(cs.Param("resource"))  # type: ignore[call-overload]
    assert cs.create_cli(odd).main(["--resource", "mine", "--progress", "none"]) == 0
    assert capsys.readouterr().out == "mine\n"


def test_the_environment_is_read(cli, monkeypatch):
    monkeypatch.setenv("CASCADE_TEST_N", "4")
    assert run(cli, "environment") == "8\n"
    assert "CASCADE_TEST_N: int" in run(cli, "environment", "--help")
    monkeypatch.delenv("CASCADE_TEST_N")
    assert "the environment variable CASCADE_TEST_N is not set" in run(cli, "environment", status=2)


def test_help_tells_of_parameters(cli, golden, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    text = run(cli, "greet", "--help")
    assert "Greets somebody." in text
    assert re.search(r"--name STR +required", text)
    assert re.search(r"--times INT +how often, 100%, default: 1", text)
    assert "--loud, --no-loud" in text
    assert "--rest" not in text and "--more" not in text
    assert re.search(r"--text VALUE +required, a text, as it has no type", run(cli, "query", "--help"))
    assert re.search(r"--ratio FLOAT +default: 0\.5\n", run(cli, "everything", "--help"))
    text = run(cli, "query", "-h")
    assert "where the data is, default: 'local'" in text and "--db" not in text
    text = cli("run", "--help")
    assert "--max-steps N" in text and "MODULE:TARGET" in text
    assert all(name in cli("--help") for name in ("run", "explain", "graph", "plan", "disassemble"))
    assert cli("--version") == f"cascade {cs.__version__}\n"


@pytest.mark.parametrize(
    ("target", "arguments", "message"),
    [
        ("greet", [], "the following arguments are required: --name"),
        ("greet", ["--name", "x", "--times", "y"], "argument --times: 'y': it is not a whole number"),
        ("greet", ["--name", "x", "--tims", "1"], "unrecognized arguments: --tims 1 (did you mean '--times'?)"),
        ("greet", ["--name", "x", "--zzz=5"], "unrecognized arguments: --zzz=5\n"),
        (
            "greet",
            ["--name", "x", "--watch"],
            "unrecognized arguments: --watch (--watch stands before the target)",
        ),
        (
            "greet",
            ["--name", "x", "--store", "r.db"],
            "(a program starts a saved run: cascade.run(target, store=cascade.Store(path), id=name); `cascade runs` continues it)",
        ),
        ("greet", ["--nam", "x"], "unrecognized arguments: --nam x (did you mean '--name'?)"),
        ("greet", ["--nam=x"], "unrecognized arguments: --nam=x (did you mean '--name'?)"),
        ("greet", ["--times", "2"], "required: --name"),
        ("everything", ["--whole", "1", "--items", "1", "x"], "argument --items: '1 x': [1] is 'x'"),
        ("everything", ["--whole", "1", "--items", "--mode", "c"], "it is none of 'a', 'b'"),
        ("everything", ["--whole", "1", "--items", "--ratio", "c"], "argument --ratio: 'c': it is not a number"),
        ("grete", [], "did you mean 'greet'"),
        ("number", [], "the target is 5"),
        ("Colour.RED", [], "the target is <Colour.RED"),
        ("graph.nothing", [], "has no 'graph.nothing'"),
    ],
)
def test_a_wrong_command_line_is_told(cli, target, arguments, message):
    assert message in run(cli, target, *arguments, status=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Run a target and print its value."),
        (["walk", "x:y"], "invalid choice: 'walk'"),
        (["run"], "required: MODULE:TARGET"),
        (["run", "cascade_flow"], "the module has cascade_flow:greet"),
        (["run", "cascade_workflow"], "cascade_workflow:graph\n"),
        (["run", ":x"], "names no target"),
        (["run", "cascade_flow:"], "names no target"),
        (["run", "cascade_not_there:x"], "there is no module 'cascade_not_there'"),
        (["run", "not/there.py:x"], "there is no file"),
        (["run", "--timeout", "0", "cascade_flow:several"], "'0': expected a number of seconds above 0, such as 2.5"),
        (["run", "--max-steps", "-1", "cascade_flow:several"], "'-1': expected a whole number, 0 or more"),
        (["run", "--progress", "odd", "cascade_flow:several"], "invalid choice: 'odd'"),
        (["graph", "--format", "png", "cascade_flow:graph"], "invalid choice: 'png'"),
        (["plan", "cascade_flow:graph", "--n", "1"], "unrecognized arguments: --n 1"),
    ],
)
def test_a_wrong_command_is_told(cli, arguments, message):
    assert message in cli(*arguments, status=2)


def test_failures_have_a_status_and_a_traceback_of_the_users_own(cli):
    text = run(cli, "fails", "--message", "oh no", status=1)
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.count('File "') == 1 and 'cascade_flow.py", line' in text
    assert "ValueError: oh no\nin task 'fails', node fails#0" in text
    assert "from the task" in run(cli, "misuses", status=1)
    assert "max_steps=100" in cli("run", "--progress", "none", "--max-steps", "100", "cascade_flow:spin", status=1)
    assert "took longer than 0.05 s" in cli(
        "run", "--progress", "none", "--timeout", "0.05", "cascade_flow:spin", status=1
    )
    assert "No module named 'cascade_not_there'" in cli("run", "cascade_broken:x", status=1)
    assert "OSError: at import" in cli("run", "cascade_raises:x", status=1)


def test_values_are_printed(cli):
    assert cli("run", "--progress", "none", "--output", "json", "cascade_flow:both", "--n", "1") == "[4, 1]\n"
    assert cli("run", "--progress", "none", "--output", "none", "cascade_flow:several") == ""
    assert "cannot be printed as JSON" in cli(
        "run", "--progress", "none", "--output", "json", "cascade_flow:value", status=1
    )


def test_progress_goes_to_the_error_output(cli, capsys):
    assert main(["run", "cascade_flow:several"]) == 0
    result = capsys.readouterr()
    assert result.out == "1\n"
    assert "run of several started, 1 task" in result.err
    assert main(["run", "--progress", "json", "cascade_flow:several"]) == 0
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()][0] == "RunStarted"


def test_targets_are_shown(cli, tmp_path, capsys):
    text = cli("graph", "cascade_flow:graph")
    cascade_flow = sys.modules["cascade_flow"]
    assert text == cs.visualize(cascade_flow.graph)
    assert cli("graph", "--format", "mermaid", "cascade_flow:graph") == cs.visualize(
        cascade_flow.graph, format="mermaid"
    )
    assert cli("graph", "--output", "out.dot", "cascade_flow:greet") == ""
    assert '[label="name", shape=parallelogram]' in Path("out.dot").read_text()
    assert "parameter n: int  the number\nstage 1\n  double#0(x=<n>)" in cli("plan", "cascade_flow:graph")
    assert "greet#0(name=<name>, times=<times>, rest=(), loud=<loud>, more={})" in cli("plan", "cascade_flow:greet")
    assert cli("disassemble", "cascade_flow:graph") == cascade_flow.program.disassemble() + "\n"
    assert cli("disassemble", "cascade_flow:program") == cascade_flow.program.disassemble() + "\n"
    assert "LOOP" in cli("disassemble", "cascade_flow:spin")
    assert cli("graph", "--help").startswith("usage: cascade graph")


def test_explaining(cli):
    text = cli("explain", "cascade_flow:graph")
    flow = sys.modules["cascade_flow"]
    assert text == str(cs.explain(flow.graph)) + "\n" and text.startswith("double  call ")
    assert cli("explain", "cascade_flow:double") == str(cs.explain(flow.double)) + "\n"
    assert cli("explain", "cascade_flow:program") == str(flow.program.explain()) + "\n"


def test_explaining_after_a_run(cli):
    assert "--run" in cli("explain", "--help")
    text = cli("explain", "--run", "cascade_flow:counted", "--n", "300")
    flow = sys.modules["cascade_flow"]
    assert text == str(cs.explain(flow.counted)) + "\n" and " 1 run," in text
    assert "the following arguments are required: --n" in cli("explain", "--run", "cascade_flow:counted", status=2)
    assert "unrecognized arguments: --n 3" in cli("explain", "cascade_flow:counted", "--n", "3", status=2)


def test_a_file_is_a_module_too(cli, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "cascade_beside.py").write_text("NAME = 'beside'\n")
    file = tmp_path / "sub" / "cascade_file.py"
    file.write_text("import cascade as cs\nimport cascade_beside\n@cs.task\ndef f():\n    return cascade_beside.NAME\n")
    for place in (str(file), "sub/cascade_file.py"):
        assert cli("run", "--progress", "none", f"{place}:f") == "beside\n"
        sys.modules.pop("cascade_file")
    file.rename(tmp_path / "sub" / "json.py")
    assert "a module 'json' is imported already" in cli("run", "sub/json.py:f", status=2)


def test_a_script_has_the_command_line_of_a_target(capsys):
    cli = cs.create_cli(add(cs.Param("a", type=int), cs.Param("b", 2)), name="adder")
    assert cli.main(["--progress", "none", "--a", "3"]) == 0
    assert capsys.readouterr().out == "5\n"
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: adder [-h] --a INT [--b INT]") and "--max-steps" in text
    assert cli.main([]) == 2
    assert "adder: error: the following arguments are required: --a" in capsys.readouterr().err
    assert cli.main(["--a", "3", "--max-step", "4"]) == 2
    assert "unrecognized arguments: --max-step 4 (did you mean '--max-steps'?)" in capsys.readouterr().err
    with pytest.raises(SystemExit) as raised:
        cs.create_cli(increment)(["--x", "4", "--output", "json", "--progress", "none"])
    assert raised.value.code == 0
    assert capsys.readouterr().out == "5\n"
    heard: list[Any] = []
    cs.create_cli(increment, engine=cs.Engine(observers=[heard.append])).main(["--x", "4"])
    assert len(heard) == 4
    with pytest.raises(TargetError):
        cs.create_cli(5)


def process(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(cs.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]),
    }
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,
    )


def test_as_a_module_of_python():
    running = process("-m", "cascade", "run", "--progress", "none", "cascade_flow:graph", "--n", "3")
    assert running.communicate(timeout=60) == ("12\n", "")
    assert running.returncode == 0


def test_in_a_script(tmp_path):
    script = tmp_path / "cascade_script.py"
    script.write_text(SOURCE + '\nif __name__ == "__main__":\n    cs.create_cli(query)()\n')
    running = process(str(script), "--text", "x", "--url", "y", "--progress", "none")
    assert running.communicate(timeout=60) == ("x from db at y\n", "")


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_it():
    # A process that was started in the background may ignore the signal, and so would its children.
    heeds = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    running = process("-m", "cascade", "run", "--progress", "json", "cascade_flow:spin", preexec_fn=heeds)
    assert running.stderr is not None
    assert "RunStarted" in running.stderr.readline()
    while "LoopProgress" not in running.stderr.readline():
        assert running.poll() is None
    running.send_signal(signal.SIGINT)  # the loop is under way: nothing is imported or lowered any more
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert errors.endswith("interrupted\n")


@pytest.mark.skipif(os.name != "posix", reason="closes a pipe")
def test_nobody_reads_the_output():
    running = process(
        "-c",
        "import sys, cascade.cli as c; sys.stdin.read(); c.script()",
        "plan",
        "cascade_flow:graph",
        stdin=subprocess.PIPE,
    )
    assert running.stdout is not None and running.stdin is not None and running.stderr is not None
    running.stdout.close()
    running.stdin.close()
    assert running.wait(60) == 141
    assert running.stderr.read() == ""
    running.stderr.close()
