"""Kernels that grow are called by several threads, by themselves, and in processes that fork; what is dropped is freed."""

from __future__ import annotations

import gc
import os
import sys
import threading
import weakref

import pytest

from cascade.kernels.blocks.kernel import block_kernel

SOURCE = """
def f(values, other):
    total = 0
    out = []
    for number, value in enumerate(values):
        if isinstance(value, (int, float)):
            total += value
        elif type(value) is str:
            out.append(value.upper())
        else:
            out.append([value, number])
    found = {}
    for value in out:
        found[str(value)] = value
    return total, out, found, other
"""
VALUES = [[1, 2, 3], [1.5, 2], ["a", "b", 3], [None, (1,), 2**70], [True, "x", [1]], [b"q", {1: 2}]]


def made():
    """A new function each time, so that nothing of it has been made yet."""
    namespace = {}
    exec(SOURCE, namespace)
    return namespace["f"]


def test_threads_call_a_kernel_while_it_grows():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(10):
            function = made()
            kernel = block_kernel(function)
            start, wrong = threading.Barrier(8), []

            def work(number, function=function, kernel=kernel, start=start, wrong=wrong):
                start.wait()
                for turn in range(12):
                    values = VALUES[(number + turn) % len(VALUES)]
                    if kernel(values, number) != function(values, number):
                        wrong.append((number, turn))

            threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert wrong == []
            assert not kernel.retired
    finally:
        sys.setswitchinterval(before)


def test_a_finalizer_calls_the_kernel_while_it_grows():
    kernel, found = block_kernel(made()), []

    class Calling:
        def __init__(self):
            self.me = self

        def __del__(self):
            found.append(kernel([1, "z"], 0)[0])

    thresholds = gc.get_threshold()
    gc.set_threshold(20)
    try:
        for values in VALUES:
            Calling()
            assert kernel(values, 1)[3] == 1
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert found == [1] * len(VALUES)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_call_out_forks_and_both_processes_continue():
    kernel = block_kernel(made())

    def forked():
        number = os.fork()
        if number == 0:
            os._exit(7 if kernel([1, 2.5, "a"], 0)[0] == 3.5 else 1)
        return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])

    def calling(count):
        total = 0
        for _ in range(count):
            total += forked()
        return total

    assert block_kernel(calling)(3) == 21


def test_kernels_that_are_dropped_are_freed():
    references = []
    for _ in range(200):
        kernel = block_kernel(made())
        kernel([1, "a", None], 2)
        references.append(weakref.ref(kernel))
    del kernel
    gc.collect()
    assert [reference() for reference in references] == [None] * len(references)


def test_a_function_and_its_kernel_are_dropped_while_it_runs():
    names = {"held": []}

    def drop():
        names["held"].clear()
        gc.collect()

    def dropping(values):
        total = 0
        for value in values:
            drop()
            total += value
        return total

    kernel = block_kernel(dropping)
    reference = weakref.ref(kernel)
    names["held"] += [kernel, dropping]
    del kernel, dropping
    assert names["held"][0]([1, 2.5, 2**70]) == 1 + 2.5 + 2**70
    gc.collect()
    assert reference() is None
