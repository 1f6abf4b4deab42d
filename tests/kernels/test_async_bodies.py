"""A loop between the awaits of an async task runs in a kernel as a program that the task calls, as docs/lowering.md says."""

import asyncio

import cascade as cs


@cs.task(lower=True)
def total(n: int) -> int:
    result = 0
    for i in range(n):
        result += i * i % 7
    return result


program = cs.compile(total)


@cs.task
async def totals(count: int) -> list[int]:
    found = []
    for n in range(count):
        await asyncio.sleep(0)
        found.append(program(n))
    return found


def test_a_program_called_between_awaits_runs_in_a_kernel() -> None:
    found = cs.run(totals(20))
    assert found == [sum(i * i % 7 for i in range(n)) for n in range(20)]
    kernel = cs.explain(program)["total"]
    assert kernel.regime == "kernel" and sum(each.runs for each in kernel.kernels) == 20


def test_several_async_tasks_share_the_program() -> None:
    first, second = cs.run([totals(9), totals(9)])
    assert first == second == [sum(i * i % 7 for i in range(n)) for n in range(9)]
