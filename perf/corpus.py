"""The compute benchmarks of pyperformance as they are, with only the entry function made a task, beside plain CPython.

    pip install pyperformance                          not needed by anything else
    python perf/corpus.py -o perf/corpus.json          all of them
    python perf/corpus.py --fast                       a quick look: one round
    python perf/corpus.py --only richards              those with the word in their names

Each side has a copy of the benchmark's module of its own, and the answers are compared. Making arguments is not clocked, nor are the
first two seconds of each process. The exit status is 1 where a target is not met.
"""

from __future__ import annotations

import importlib.util
import io
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pyperf  # type: ignore[import-untyped]
from measure import Measure, Run, always, by_itself
from report import print_table, show_met, show_time
from rounds import keep, parse_options, pass_on, run_rounds

import cascade as cs

PLAIN, OURS = "CPython", "cascade"
MEAN, LOWEST = 2.0, 0.95
"""How many times faster than plain CPython 3.11 they are to be: the geometric mean, and each."""
WARM = 2.0
"""Seconds, and two runs at least, before the clock runs: kernels are made, compared with CPython, and get their machine code."""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark.

    Attributes:
        name: as pyperformance has it, and after a colon that of a part.
        entry: finds the function in the module.
        arguments: makes the arguments of one call.
        answer: the value to compare, from the module, the arguments and the result; by default the result.
    """

    name: str
    entry: Callable[[Any], Callable[..., Any]]
    arguments: Callable[[Any], tuple[Any, ...]] = lambda module: ()
    answer: Callable[[Any, tuple[Any, ...], Any], Any] = lambda module, arguments, result: result


def data_folder() -> Path:
    spec = importlib.util.find_spec("pyperformance")
    if spec is None or spec.origin is None:
        sys.exit("pyperformance is not installed: pip install pyperformance")
    return Path(spec.origin).parent / "data-files" / "benchmarks"


def load(name: str) -> ModuleType:
    """Returns a new copy of a benchmark's module."""
    folder = data_folder() / f"bm_{name.partition(':')[0]}"
    spec = importlib.util.spec_from_file_location(f"bm_{id(folder)}", folder / "run_benchmark.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# -- Entry functions, arguments and answers -------------------------------------------------------------------------


def chaos_game(module: Any) -> Any:
    """Returns the function that the benchmark runs: its main function gets a runner that records it."""
    kept: list[Any] = []
    runner = SimpleNamespace(metadata={}, bench_func=lambda name, function, *args: kept.append(function))
    options = dict.fromkeys(("width", "height", "iterations", "filename", "rng_seed"))
    module.main(runner, SimpleNamespace(thickness=module.DEFAULT_THICKNESS, **options))
    return kept[0].__self__


def hexiom_arguments(module: Any) -> tuple[Any, ...]:
    return module.LEVELS[2][0].strip(), module.Done.FIRST_STRATEGY, module.DESCENDING, io.StringIO()


def meteor_arguments(module: Any) -> tuple[Any, ...]:
    board, cti, pieces = module.get_puzzle(module.WIDTH, module.HEIGHT)
    free, left = frozenset(range(len(board))), list(range(len(pieces)))
    footprints, reverse = module.get_footprints(board, cti, pieces), module.get_senh(board, cti)
    return 500, 0, free, [-1] * len(board), left, [], footprints, reverse


def pyflate_arguments(module: Any) -> tuple[Any, ...]:
    field = module.RBitfield(io.BytesIO((data_folder() / "bm_pyflate/data/interpreter.tar.bz2").read_bytes()))
    field.readbits(16)
    return (field,)


def scene_arguments(module: Any) -> tuple[Any, ...]:
    point, scene = module.Point, module.Scene()
    scene.addLight(point(30, 30, 10))
    scene.lookAt(point(0, 3, 0))
    scene.addObject(module.Sphere(point(1, 3, -10), 2), module.SimpleSurface(baseColour=(1, 1, 0)))
    scene.addObject(module.Halfspace(point(0, 0, 0), module.Vector.UP), module.CheckerboardSurface())
    return scene, module.Canvas(40, 40)


def sparse_arguments(module: Any) -> tuple[Any, ...]:
    kept: list[Any] = []
    original = module.SparseCompRow_matmult
    module.SparseCompRow_matmult = lambda *args: kept.append(args)
    module.bench_SparseMatMult(5, 500, 25_000)
    module.SparseCompRow_matmult = original
    _, _, val, _, _, x, _ = kept[0]
    x[:] = module.Random(7).RandomVector(len(x))
    val[:] = module.Random(8).RandomVector(len(val))
    arguments: tuple[Any, ...] = kept[0]
    return arguments


def lu_arguments(module: Any) -> tuple[Any, ...]:
    matrix = module.Random(7).RandomMatrix(module.ArrayList(50, 50))
    return module.ArrayList(50, 50), matrix, module.array("i", [0]) * 50


def sor_arguments(module: Any) -> tuple[Any, ...]:
    return 1.25, module.Random(7).RandomMatrix(module.ArrayList(50, 50)), 5, module.ArrayList


def galaxy_arguments(module: Any) -> tuple[Any, ...]:
    return module.create_deterministic_galaxy(60, 500, 400), module.DEFAULT_THETA, module.TIME_STEP, 1000, 800


def training_arguments(module: Any) -> tuple[Any, ...]:
    return (
        (data_folder() / "bm_bpe_tokeniser/data/frankenstein_intro.txt").read_text("utf-8")[:2_000],
        300,
        r"\S+|\s+",
    )


def rows_of(matrix: Any) -> list[Any]:
    return [list(row) for row in matrix.data]


BENCHMARKS = [
    Benchmark("nbody", lambda m: m.advance, lambda m: (0.01, 2_000), lambda m, args, result: m.SYSTEM),
    Benchmark("spectral_norm", lambda m: m.eval_AtA_times_u, lambda m: ([1.0] * 100,)),
    Benchmark("fannkuch", lambda m: m.fannkuch, lambda m: (7,)),
    Benchmark("nqueens", lambda m: m.bench_n_queens, lambda m: (6,)),
    Benchmark("scimark:sor", lambda m: m.SOR_execute, sor_arguments, lambda m, args, result: rows_of(args[1])),
    Benchmark(
        "scimark:sparse", lambda m: m.SparseCompRow_matmult, sparse_arguments, lambda m, args, result: list(args[1])
    ),
    Benchmark("scimark:monte_carlo", lambda m: m.MonteCarlo, lambda m: (20_000,)),
    Benchmark("scimark:lu", lambda m: m.LU, lu_arguments, lambda m, args, result: rows_of(args[0])),
    Benchmark(
        "scimark:fft",
        lambda m: m.FFT_transform,
        lambda m: (2_048, m.Random(7).RandomVector(2_048)),
        lambda m, args, result: list(args[1]),
    ),
    Benchmark(
        "chaos",
        lambda m: chaos_game(m).create_image_chaos,
        lambda m: (64, 64, 1_000, None, 1234),
        lambda m, args, result: m.random.random(),
    ),
    Benchmark("raytrace", lambda m: m.Scene.render, scene_arguments, lambda m, args, result: bytes(args[1].bytes)),
    Benchmark("float", lambda m: m.benchmark, lambda m: (10_000,), lambda m, args, result: repr(result)),
    Benchmark("go", lambda m: m.versus_cpu),
    Benchmark("hexiom", lambda m: m.solve_file, hexiom_arguments, lambda m, args, result: args[3].getvalue()),
    Benchmark("mdp", lambda m: m.Battle.evaluate, lambda m: (m.Battle(), 0.192)),
    Benchmark("meteor_contest", lambda m: m.solve, meteor_arguments, lambda m, args, result: args[5]),
    Benchmark("richards", lambda m: m.Richards().run, lambda m: (1,)),
    Benchmark("deltablue", lambda m: m.delta_blue, lambda m: (100,)),
    Benchmark("pyflate", lambda m: m.bzip2_main, pyflate_arguments),
    Benchmark(
        "barnes_hut",
        lambda m: m.advance_system,
        galaxy_arguments,
        lambda m, args, result: [vars(each.position) for each in args[0]],
    ),
    Benchmark(
        "bpe_tokeniser", lambda m: m.bpe_train, lambda m: (training_arguments(m)[0], 300, training_arguments(m)[2])
    ),
]


# -- The measures ----------------------------------------------------------------------------------------------------


def warm(benchmark: Benchmark, *, is_task: bool) -> Run:
    """Returns a run as `prepare` does, after the first seconds."""
    run = prepare(benchmark, is_task=is_task)
    begun = time.process_time()
    run(2)
    while time.process_time() - begun < WARM:
        run(1)
    return run


def prepare(benchmark: Benchmark, *, is_task: bool) -> Run:
    """Returns a run that clocks the calls alone, and returns the seconds and the last answer."""
    module = load(benchmark.name)
    function = benchmark.entry(module)
    if is_task:
        function = cs.compile(cs.task(function))

    def run(loops: int) -> tuple[float, Any]:
        seconds, answer = 0.0, None
        for _ in range(loops):
            arguments = benchmark.arguments(module)
            begun = time.perf_counter()
            result = function(*arguments)
            seconds += time.perf_counter() - begun
            answer = benchmark.answer(module, arguments, result)
        return seconds, answer

    return run


def compare(benchmark: Benchmark) -> None:
    """Runs both sides twice, each on a module of its own: an answer may depend on the calls before.

    Raises:
        AssertionError: the answers differ.
    """
    sides = [prepare(benchmark, is_task=is_task) for is_task in (False, True)]
    for count in (1, 2):
        plain, ours = (side(count)[1] for side in sides)
        if plain != ours:
            raise AssertionError(f"{benchmark.name}: the task's answer is {ours!r:.200}, expected {plain!r:.200}")


class Anything:
    """Equal to every answer: `compare` has compared them, and those of some depend on how often they ran."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def measures_of(benchmark: Benchmark) -> list[Measure]:
    sides = [(PLAIN, False), (OURS, True)]
    return [
        Measure(
            f"{benchmark.name}, {side}",
            partial(warm, benchmark, is_task=is_task),
            always(Anything()),
            1,
            by_itself,
            loops=1,
        )
        for side, is_task in sides
    ]


def main() -> int:
    runner = pyperf.Runner(values=5, processes=1, add_cmdline_args=pass_on)
    options = parse_options(runner)
    chosen = [each for each in BENCHMARKS if options.only in each.name]
    if not chosen:
        runner.argparser.error(f"no benchmark has {options.only!r} in its name")
    if not options.worker:
        for each in chosen:
            compare(each)
    results = run_rounds(runner, [measure for each in chosen for measure in measures_of(each)])
    if options.worker:
        return 0
    keep(results, options)
    medians = {name: benchmark.median() for name, benchmark in results.items()}
    times = {each.name: medians[f"{each.name}, {PLAIN}"] / medians[f"{each.name}, {OURS}"] for each in chosen}
    shown = [
        [name, show_time(medians[f"{name}, {PLAIN}"]), show_time(medians[f"{name}, {OURS}"]), f"{ratio:.2f}"]
        for name, ratio in times.items()
    ]
    print_table(["benchmark", PLAIN, OURS, "times"], shown)
    mean, slowest = statistics.geometric_mean(times.values()), min(times, key=times.__getitem__)
    met = mean >= MEAN, times[slowest] >= LOWEST
    print()
    print_table(
        ["corpus", "measured", "target", "met"],
        [
            ["geometric mean", f"{mean:.2f}", f"at least {MEAN:g}", show_met(met[0])],
            ["lowest", f"{slowest} {times[slowest]:.2f}", f"at least {LOWEST:g}", show_met(met[1])],
        ],
    )
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
