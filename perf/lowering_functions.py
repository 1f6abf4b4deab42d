"""Functions of some fifty lines, for `perf/lowering.py`, which lowers copies of them. Each takes a size and returns a value to compare."""

from __future__ import annotations

import math
from typing import Any


def integrator(n: int) -> float:
    """Numbers alone: a pendulum by a step of fourth order, with a step size of its own."""
    angle = 1.2
    speed = 0.0
    damping = 0.05
    step = 0.01
    time = 0.0
    turns = 0
    halved = 0
    highest = angle
    energy = 0.0
    for i in range(n):
        k1a = speed
        k1s = -math.sin(angle) - damping * speed
        a = angle + 0.5 * step * k1a
        s = speed + 0.5 * step * k1s
        k2a = s
        k2s = -math.sin(a) - damping * s
        a = angle + 0.5 * step * k2a
        s = speed + 0.5 * step * k2s
        k3a = s
        k3s = -math.sin(a) - damping * s
        a = angle + step * k3a
        s = speed + step * k3s
        k4a = s
        k4s = -math.sin(a) - damping * s
        moved = step * (k1a + 2.0 * k2a + 2.0 * k3a + k4a) / 6.0
        gained = step * (k1s + 2.0 * k2s + 2.0 * k3s + k4s) / 6.0
        if abs(moved) > 0.02 and step > 0.001:
            step *= 0.5
            halved += 1
            continue
        if speed * (speed + gained) < 0.0:
            turns += 1
        angle += moved
        speed += gained
        time += step
        if angle > highest:
            highest = angle
        elif angle < -math.pi:
            angle += 2.0 * math.pi
        if i % 16 == 0:
            energy = 0.5 * speed * speed + 1.0 - math.cos(angle)
            if energy < 1e-9:
                break
            if step < 0.01:
                step *= 2.0
    return time + turns + halved + highest + energy


def report(n: int) -> Any:
    """Lists, dicts and text: orders are read from lines, booked by customer, and summed up."""
    lines = []
    for i in range(n):
        customer = f"customer {i % 7}"
        lines.append(f"{customer};{i};{(i * 37) % 101};{'EUR' if i % 3 else 'USD'}")
    totals: dict[str, float] = {}
    counts: dict[str, int] = {}
    errors: list[tuple[int, str]] = []
    largest = ("", 0.0)
    for number, line in enumerate(lines):
        fields = line.split(";")
        if len(fields) != 4:
            errors.append((number, "fields"))
            continue
        name, order, amount, currency = fields
        if not name.startswith("customer"):
            errors.append((number, "name"))
            continue
        value = float(int(amount))
        if currency == "USD":
            value *= 0.875
        elif currency != "EUR":
            errors.append((number, currency))
        if value > largest[1]:
            largest = (order, value)
        if name in totals:
            totals[name] += value
        else:
            totals[name] = value
        counts[name] = counts.get(name, 0) + 1
    rows = []
    for name, value in totals.items():
        rows.append((value / counts[name], name.upper(), counts[name]))
    rows.sort()
    ranks = [0] * len(rows)
    place = 0
    for i in range(len(rows)):
        if i > 0 and rows[i][0] != rows[i - 1][0]:
            place = i
        ranks[i] = place
    words = []
    for (mean, name, count), rank in zip(rows, ranks, strict=True):
        if count > 1 and mean >= 0.0:
            words.append(name.title() + " " + str(rank))
    middle = rows[len(rows) // 2][0] if rows else 0.0
    spread = sum(abs(row[0] - middle) for row in rows)
    return ", ".join(words), largest, errors, middle, spread


class Account:
    """An account with a limit, for `bank`."""

    def __init__(self, owner: str, balance: float) -> None:
        self.owner = owner
        self.balance = balance
        self.limit = 50.0
        self.refused = 0

    def take(self, amount: float) -> bool:
        if self.balance - amount < -self.limit:
            self.refused += 1
            return False
        self.balance -= amount
        return True

    def put(self, amount: float) -> None:
        self.balance += amount


def bank(n: int) -> Any:
    """Objects and their methods: transfers between accounts, with interest and limits; some thirty lines beside those of the class."""
    accounts = [Account(f"owner {i}", 100.0 + i) for i in range(10)]
    history: list[tuple[str, str, float]] = []
    refused = 0
    fees = 0.0
    for i in range(n):
        giver = accounts[(i * 7) % 10]
        taker = accounts[(i * 3 + 1) % 10]
        if giver is None or giver.owner == taker.owner:
            continue
        amount = float((i * 31) % 97)
        fee = 0.01 * amount if amount > 50.0 else 0.0
        if not giver.take(amount + fee):
            refused += 1
            giver.limit += 1.0
            continue
        taker.put(amount)
        fees += fee
        if amount > 90.0:
            history.append((giver.owner, taker.owner, amount))
        if i % 10 == 9:
            for account in accounts:
                if account.balance > 0.0:
                    account.put(account.balance * 0.001)
                else:
                    account.balance *= 1.01
    richest = accounts[0]
    for account in accounts:
        if account.balance > richest.balance:
            richest = account
    total = 0.0
    for account in accounts:
        total += account.balance
    return richest.owner, total, refused, fees, history, [account.refused for account in accounts]
