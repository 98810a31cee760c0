"""Programs of Boolean functions: structural hashing, so that no gate is made twice, and a choice of gates."""

from __future__ import annotations

from collections.abc import Iterable

from nonideal.checks import check_choice
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.program import Program, ProgramBuilder

__all__ = ["BASES", "FALSE", "TRUE", "Logic"]

FALSE, TRUE = 0, 1
"""Signals of the constants. Signal 2i is the output of node i, 2i + 1 its complement."""

BASES: dict[str, tuple[str, int, bool, int]] = {
    "nand": ("NAND2", 0, False, 1),
    "and": ("AND2", 0, False, 0),
    "nor": ("NOR2", 1, False, 0),
    "or": ("OR2", 1, False, 1),
    "min": ("MIN3", 0, True, 1),
    "maj": ("MAJ3", 0, True, 0),
}
"""How each basis makes the AND of two signals, beside NOT: gate, whether it reads their complements, whether
its third input is a cell that holds 0, and whether it writes the complement."""


class Logic:
    """A network of AND nodes with complemented edges, written as gates of one of the `BASES`."""

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
        *,
        signed: bool = False,
        basis: str = "nand",
        gates: GateLibrary | None = None,
    ) -> Program:
        """Return the gates that the outputs need; ports are words of signals.

        ``basis="auto"``: the one with the least sum of the gates' mean errors in the library ``gates``.
        """
        check_choice("basis", basis, (*BASES, "auto"))
        ports = list(inputs), list(outputs)
        if basis != "auto":
            return self._program(*ports, signed, basis)
        if not isinstance(gates, GateLibrary):
            raise InvalidArgument(
                f"gates: {type(gates).__name__} is not a GateLibrary; basis = 'auto' needs one"
            )
        programs = [self._program(*ports, signed, name) for name in BASES]
        possible = [program for program in programs if set(program.gate_counts) <= set(gates)]
        if not possible:
            raise InvalidArgument(f"gates: no basis can be made of {', '.join(gates)}")
        return min(possible, key=lambda p: sum(n * gates[g].mean_error for g, n in p.gate_counts.items()))

    def _program(
        self,
        inputs: list[tuple[str, list[int]]],
        outputs: list[tuple[str, list[int]]],
        signed: bool,
        basis: str,
    ) -> Program:
        gate, complemented, with_zero, phase = BASES[basis]
        builder, column = ProgramBuilder(), dict[int, int]()
        for name, word in inputs:
            column |= dict(zip(word, builder.input(name, len(word)), strict=True))
        needed = {signal for _, word in outputs for signal in word}
        for node in range(len(self._operands) - 1, 0, -1):
            operands = self._operands[node]
            if operands is not None and (2 * node in needed or 2 * node + 1 in needed):
                needed |= {operand ^ complemented for operand in operands}
                if with_zero:
                    needed.add(FALSE)
        for constant in (FALSE, TRUE):
            if constant in needed:
                column[constant] = builder.constant(constant)
        for node in range(1, len(self._operands)):
            operands, made = self._operands[node], 2 * node
            if operands is not None and (made in needed or made + 1 in needed):
                reads = [column[operand ^ complemented] for operand in operands]
                made += phase
                column[made] = builder.gate(gate, *reads, *([column[FALSE]] if with_zero else []))
            if made in column and made ^ 1 in needed:
                column[made ^ 1] = builder.gate("NOT", column[made])
        for name, word in outputs:
            builder.output(name, [column[signal] for signal in word], signed)
        return builder.build()
