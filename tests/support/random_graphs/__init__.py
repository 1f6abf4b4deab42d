"""Random graphs of all that there is, and how they are compared with each other and with plain Python.

    spec          what a graph is: data, written by a seed
    world         what the functions do, in the engine and in the model alike
    declare       a graph as LazyResults
    model         a graph in plain Python
    comparison    runs a graph in all ways: `compare(graph)`
    minimise      makes a graph that shows a difference smaller

The same seed gives the same graph. `tools/fuzz_graphs.py` compares them for hours.
"""

from tests.support.random_graphs.comparison import Difference, Tally, compare
from tests.support.random_graphs.spec import Graph, Node, Ref, write_graph

__all__ = ["Difference", "Graph", "Node", "Ref", "Tally", "compare", "write_graph"]
