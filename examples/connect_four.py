"""Plays Connect Four against itself, by searching ahead.

A position is two whole numbers of 49 bits, the stones of the player to move and all stones; the search is negamax with alpha-beta pruning, a plain
recursive function, which runs as typed code. The moves of a turn are a list of calls that a task returns, and each turn returns the graph of the next.

    python examples/connect_four.py
    python examples/connect_four.py --depth 10
    python examples/connect_four.py --compare                     how fast beside plain Python
    python examples/connect_four.py --picture connect_four.svg    the board at the end
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

import cascade as cs

ROWS, COLUMNS, HEIGHT = 6, 7, 7
"""A column has one bit more than rows: so no line goes on in the next one."""
ORDER = (3, 2, 4, 1, 5, 0, 6)
"""Moves in the middle are looked at first: they are better more often."""


def has_won(stones: int) -> bool:
    """Returns whether there are four in a line: down, across, and along both diagonals."""
    pairs = stones & (stones >> 1)
    if pairs & (pairs >> 2):
        return True
    pairs = stones & (stones >> 7)
    if pairs & (pairs >> 14):
        return True
    pairs = stones & (stones >> 6)
    if pairs & (pairs >> 12):
        return True
    pairs = stones & (stones >> 8)
    return (pairs & (pairs >> 16)) != 0


def middle(stones: int) -> int:
    """Returns how many stones are in the middle column, twice, and beside it."""
    count = 0
    for column in range(2, 5):
        line = (stones >> (column * 7)) & 63
        while line:
            line &= line - 1
            count += 2 if column == 3 else 1
    return count


def search(mine: int, stones: int, depth: int, alpha: int, beta: int) -> int:
    """Returns the value of a position for the player to move: the sooner one wins, the more it is."""
    best = -2 * 1_000
    for at in range(7):
        column = 3 + (at + 1) // 2 * (1 - 2 * (at % 2))  # as `ORDER`
        bottom = 1 << (column * 7)
        if stones & (bottom << 5):
            continue  # the column is full
        move = (stones + bottom) & (bottom * 63) & ~stones
        if has_won(mine | move):
            return 1_000 + depth
        if depth > 1:
            value = -search(stones ^ mine, stones | move, depth - 1, -beta, -alpha)
        else:
            value = middle(mine | move) - middle(stones ^ mine)
        if value > best:
            best = value
            if best >= beta:
                return best
            if best > alpha:
                alpha = best
    return 0 if best == -2 * 1_000 else best


class Move(NamedTuple):
    column: int
    mine: int
    stones: int


@cs.task
def moves(mine: int, stones: int) -> list[Move]:
    """Returns the positions after each move, as the other player sees them."""
    found = []
    for column in ORDER:
        bottom = 1 << (column * HEIGHT)
        if not stones & (bottom << (ROWS - 1)):
            after = stones | (stones + bottom)
            found.append(Move(column, stones ^ mine, after))
    return found


@cs.task(lower=True)  # at its first call: otherwise some calls are measured first
def value(move: Move, depth: int) -> int:
    """Returns the value of a move for the player who makes it."""
    if has_won(move.stones ^ move.mine):
        return 1_000 + depth
    return -search(move.mine, move.stones, depth - 1, -2_000, 2_000)


@cs.task
def values(found: list[Move], depth: int) -> list[cs.LazyResult[int]]:
    return [value(move, depth) for move in found]


@cs.task
def best(found: list[Move], values: list[int]) -> Move:
    return found[values.index(max(values))]


@cs.task
def turn(depth: int, mine: int = 0, stones: int = 0, played: tuple[int, ...] = ()) -> Any:
    """Plays from a position to the end; returns the columns of all moves."""
    if has_won(stones ^ mine) or len(played) == ROWS * COLUMNS:
        return played
    found = moves(mine, stones)
    return go_on(depth, best(found, values(found, depth)), played)


@cs.task
def go_on(depth: int, move: Move, played: tuple[int, ...]) -> Any:
    return turn(depth, move.mine, move.stones, (*played, move.column))


def rows(played: tuple[int, ...]) -> list[str]:
    """Returns the rows of the board after these moves, the upper one first."""
    heights = [0] * COLUMNS
    board = [["."] * COLUMNS for _ in range(ROWS)]
    for number, column in enumerate(played):
        board[ROWS - 1 - heights[column]][column] = "XO"[number % 2]
        heights[column] += 1
    return ["".join(row) for row in board]


@cs.task
def shown(played: tuple[int, ...]) -> str:
    winner = "XO"[(len(played) - 1) % 2]
    last = "nobody wins" if len(played) == ROWS * COLUMNS else f"{winner} wins by move {len(played)}"
    return "\n".join([*rows(played), last])


game = shown(turn(cs.Param("depth", 8, type=int, description="how many moves are looked ahead")))


def compare(depth: int) -> str:
    """Returns how long the first move takes in plain Python and as a graph; the values are the same."""
    found = moves.func(0, 0)
    program = cs.compile(values(found, depth))
    for _ in range(3):
        program()  # the kernels are made
    begun = time.perf_counter()
    plain = [value.func(move, depth) for move in found]
    seconds = time.perf_counter() - begun
    begun = time.perf_counter()
    assert program() == plain
    ours = time.perf_counter() - begun
    return f"the first move, {depth} ahead: plain Python {seconds:.2f} s, Cascade {ours:.3f} s, {seconds / ours:.1f} times as fast"


def board(played: tuple[int, ...]) -> str:
    """Returns a picture of the board; stones have the numbers of their moves."""
    heights = [0] * COLUMNS
    parts = []
    for number, column in enumerate(played):
        x, y = 40 + 60 * column, 40 + 60 * (ROWS - 1 - heights[column])
        heights[column] += 1
        parts.append(
            f'<circle class="{"XO"[number % 2]}" cx="{x}" cy="{y}" r="24"/><text x="{x}" y="{y + 5}">{number + 1}</text>'
        )
    holes = "".join(
        f'<circle cx="{40 + 60 * x}" cy="{40 + 60 * y}" r="24"/>' for x in range(COLUMNS) for y in range(ROWS)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 440 380" role="img" aria-label="The board at the end">'
        "<style>rect{fill:#0969da}circle{fill:#fff}.X{fill:#f2c94c}.O{fill:#eb5757}text{font:15px sans-serif;text-anchor:middle}</style>"
        f'<rect width="440" height="380" rx="12"/>{holes}{"".join(parts)}</svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--compare", type=int, nargs="?", const=9, metavar="DEPTH")
    parser.add_argument("--picture", metavar="FILE")
    given, others = parser.parse_known_args()
    if given.compare:
        print(compare(given.compare))
    elif given.picture:
        Path(given.picture).write_text(board(cs.run(turn(8))))
    else:
        cs.create_cli(game)(others)


if __name__ == "__main__":
    main()
