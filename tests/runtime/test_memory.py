"""Nothing leaks, and deep structures are freed without recursion: watched in child processes."""

from __future__ import annotations

import sys

import pytest

from tests.support.processes import in_child

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@linux
def test_the_kernels_of_tasks_that_are_gone_are_freed():
    output = in_child("""
    make = lambda: cs.run(cs.task(lower=True)(kernel_functions.divmods)(5))
    print(grows(make, 800))
    """)
    assert int(output) < 1_000_000


@linux
@pytest.mark.parametrize(
    "action",
    [
        "cs.run(add(increment(1), [one()] and 2), use_vm=use_vm)",
        "cs.run([later(1), increment(later(2))], use_vm=use_vm)",
        "fails(lambda: cs.run([later(1), identity(fail('x'))], use_vm=use_vm))",
        "fails(lambda: cs.run([later(1, 9), fail_later('x')], use_vm=use_vm))",
        "cs.run(sum_up(20), use_vm=use_vm)",
        "fails(lambda: cs.run(countdown(50), max_steps=20, use_vm=use_vm))",
        "cs.run(cs.task(lambda x: x)(increment(1)), use_vm=use_vm)",
        "cs.compile(countdown)(20)",
        "cs.run(identity(cs.Param('n', type=int)), params={'n': '2'}, use_vm=use_vm)",
        "fails(lambda: cs.run(identity(cs.Param('n', type=int)), params={'n': 'x'}, use_vm=use_vm))",
        "cs.run(identity([cs.inject(held), cs.inject(leased)]), use_vm=use_vm)",
        "fails(lambda: cs.run([identity(cs.inject(held)), identity(fail('x'))], use_vm=use_vm))",
        "cs.run([later(cs.inject(held)), later(cs.inject(leased))], use_vm=use_vm)",
        "cs.run(one(), use_vm=use_vm, observers=[cs.console('json', file=open('/dev/null', 'w'))])",
        "cs.from_json(cs.to_json(add(one(), cs.Param('n', 1))))",
        "fails(lambda: cs.run(countdown(object()), use_vm=use_vm))",
        "cs.run([add_up(30, 1), wide(30)], use_vm=use_vm)",
        "cs.run(given_back(5, [1] * 1000), use_vm=use_vm)",
    ],
)
def test_runs_do_not_leak(path, action):
    output = in_child(f"""
    use_vm = {path.use_vm}
    def fails(action):
        try:
            action()
        except Exception as error:
            pass
        else:
            raise AssertionError("did not fail")
    print(grows(lambda: {action}, 400))
    """)
    assert int(output) < 1_000_000


@linux
def test_ten_million_steps_take_no_memory():
    output = in_child("""
    program = cs.compile(countdown)
    program(100_000)
    before = rss()
    assert program(10_000_000) == "done"
    print(rss() - before)
    """)
    assert int(output) < 1_000_000


@linux
def test_many_answers_take_no_memory():
    output = in_child("""
    assert cs.run(recurse(100_000)) == "done"  # lowering loads modules
    before = rss()
    assert cs.run(recurse(1_000_000)) == "done"
    print(rss() - before)
    """)
    assert int(output) < 1_000_000


def test_deep_chains_and_deep_answers_are_freed(path):
    output = in_child(f"""
    assert cs.run(chain(100_000), use_vm={path.use_vm}) == 100_000
    assert cs.run(sum_up(100_000), use_vm={path.use_vm}) == 5000050000
    try:
        cs.run(sum_up(100_000), use_vm={path.use_vm}, max_steps=100_000)
    except RuntimeError:
        print(sys.getrecursionlimit())
    """)
    assert output == "1000"


def test_an_unfinished_run_in_a_cycle_is_collected():
    output = in_child("""
    import weakref
    from cascade._vm import Machine, WAIT

    class Value:
        def __await__(self):
            yield

    @cs.task
    def wait(value):
        return Value()

    value = Value()
    program = cs.compile(wait)
    value.machine = Machine(program._code, (value,), program._context)
    assert value.machine.run() == WAIT
    reference = weakref.ref(value)
    gc.disable()
    del value
    assert reference() is not None
    gc.collect()
    print(reference())
    """)
    assert output == "None"


def test_a_coroutine_that_is_dropped_drops_its_run(path):
    output = in_child(f"""
    async def main():
        coroutine = cs.arun([later(1, 60), identity(later(2, 60))], use_vm={path.use_vm})
        coroutine.send(None)
        coroutine.close()
        await asyncio.sleep(0)
        print(len(asyncio.all_tasks()))

    asyncio.run(main())
    """)
    assert output == "1"
