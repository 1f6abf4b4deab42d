"""CPython's own tests of its library, with the library's functions, or the tests themselves, in kernels.

suites      the tests that are run, for which modules, and the tests that are left out, with the reasons
entries     changes functions in place so that their calls are calls of tasks
child       runs the tests of one module in this process, and writes down their outcomes
runner      runs children one way and the other, and compares them
"""
