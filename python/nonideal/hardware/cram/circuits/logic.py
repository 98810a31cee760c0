"""NAND programs of Boolean functions: structural hashing, so that no gate is made twice."""

from __future__ import annotations

from collections.abc import Iterable

from nonideal.hardware.cram.program import Program, ProgramBuilder

__all__ = ["FALSE", "TRUE", "Logic"]

FALSE, TRUE = 0, 1
"""Signals of the constants. Signal 2i is the output of node i, 2i + 1 its complement."""


class Logic:
    """A network of AND nodes with complemented edges, written as NAND2 and NOT gates."""

    def __init__(self) -> None:
        self._operands: list[tuple[int, int] | None] = [None]  # None: the constant, or an input
        self._nodes: dict[tuple[int, int], int] = {}

    def variable(self) -> int:
        """Return a new input's signal."""
        self._operands.append(None)
        return 2 * (len(self._operands) - 1)

    def conjunction(self, a: int, b: int) -> int:
        """Return a AND b."""
        a, b = min(a, b), max(a, b)
        if a == FALSE or a ^ 1 == b:
            return FALSE
        if a in (TRUE, b):
            return b
        if (a, b) not in self._nodes:
            self._operands.append((a, b))
            self._nodes[a, b] = 2 * (len(self._operands) - 1)
        return self._nodes[a, b]

    def disjunction(self, a: int, b: int) -> int:
        """Return a OR b."""
        return self.conjunction(a ^ 1, b ^ 1) ^ 1

    def parity(self, a: int, b: int) -> int:
        """Return a XOR b: four NAND on the phases that need no NOT."""
        flip = (a ^ b) & 1
        a, b = (2 * node + (self._operands[node] is not None) for node in (a // 2, b // 2))
        flip ^= (a ^ b) & 1
        either = self.conjunction(a, b) ^ 1
        return self.disjunction(self.conjunction(a, either), self.conjunction(b, either)) ^ flip

    def select(self, condition: int, a: int, b: int) -> int:
        """Return a where the condition holds, else b."""
        if a == b:
            return a
        if a == b ^ 1:
            return self.parity(condition, b)
        return self.disjunction(self.conjunction(condition, a), self.conjunction(condition ^ 1, b))

    def reduce(self, signals: Iterable[int], conjunction: bool) -> int:
        """Return the AND or OR of signals, as a balanced tree."""
        level = list(signals)
        if not level:
            return TRUE if conjunction else FALSE
        join = self.conjunction if conjunction else self.disjunction
        while len(level) > 1:
            rest = level[len(level) & ~1 :]
            level = [join(a, b) for a, b in zip(level[::2], level[1::2], strict=False)] + rest
        return level[0]

    def program(
        self,
        inputs: Iterable[tuple[str, list[int]]],
        outputs: Iterable[tuple[str, list[int]]],
        signed: bool = False,
    ) -> Program:
        """Return the gates that the outputs need; ports are words of signals."""
        builder, column = ProgramBuilder(), dict[int, int]()
        for name, word in inputs:
            column |= dict(zip(word, builder.input(name, len(word)), strict=True))
        results = list(outputs)
        needed = {signal for _, word in results for signal in word}
        for node in range(len(self._operands) - 1, 0, -1):
            operands = self._operands[node]
            if operands is not None and (2 * node in needed or 2 * node + 1 in needed):
                needed |= {2 * node + 1, *operands}  # the NAND is made first
        for constant in (FALSE, TRUE):
            if constant in needed:
                column[constant] = builder.constant(constant)
        for node in range(1, len(self._operands)):
            operands, signal = self._operands[node], 2 * node
            if operands is not None and signal + 1 in needed:
                column[signal + 1] = builder.gate("NAND2", *(column[operand] for operand in operands))
                if signal in needed:
                    column[signal] = builder.gate("NOT", column[signal + 1])
            elif operands is None and signal + 1 in needed:
                column[signal + 1] = builder.gate("NOT", column[signal])
        for name, word in results:
            builder.output(name, [column[signal] for signal in word], signed)
        return builder.build()
