"""The one-node loop in pydantic-graph, which reads the annotations of a module's classes."""

from dataclasses import dataclass

from pydantic_graph import BaseNode, End, Graph, GraphRunContext


@dataclass
class State:
    n: int


@dataclass
class Step(BaseNode[State, None, int]):
    async def run(self, ctx: GraphRunContext[State]) -> "Step | End[int]":
        if ctx.state.n <= 0:
            return End(ctx.state.n)
        ctx.state.n -= 1
        return Step()


GRAPH = Graph(nodes=[Step])


def run(steps: int) -> int:
    return GRAPH.run_sync(Step(), state=State(steps)).output
