"""Kernels that are made block by block while several threads call them."""

from __future__ import annotations

import random
import sys
import threading
from types import FunctionType

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support.policy_functions import collected

STARTS = (0, 1.5, 10**30, True, 2, 0.25, 10**18, 5)


@pytest.fixture
def switches_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_threads_that_bring_other_types_get_versions_of_their_own(switches_often):
    given = [(n, start) for n in (3, 300, 700) for start in STARTS]
    expected = {each: [(type(item), item) for item in collected(*each)] for each in given}
    wrong = []

    def call(kernel, order):
        wrong.extend(each for each in order if [(type(item), item) for item in kernel(*each)] != expected[each])

    for number in range(8):
        copy = FunctionType(collected.__code__, collected.__globals__, "collected", collected.__defaults__)
        kernel = block_kernel(copy)
        orders = [random.Random(8 * number + each).sample(given, len(given)) for each in range(8)]
        threads = [threading.Thread(target=call, args=(kernel, order)) for order in orders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert kernel.growths > 0
    assert wrong == []
