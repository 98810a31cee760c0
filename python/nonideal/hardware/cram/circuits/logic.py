"""Logic as a graph of ANDs and inversions, and its way into a program of few kinds of gates.

A *literal* is ``2 * node + inverted``; node 0 is the constant 0, so literal 0 is false and literal 1 true.
Equal ANDs are one node (structural hashing) and constants are folded, so that the front ends may describe
logic as it comes. Nodes are numbered in order of creation, and so are the gates of the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from nonideal.checks import check_choice
from nonideal.hardware.cram.program import Program, ProgramBuilder

__all__ = ["BASES", "FALSE", "TRUE", "Logic"]

FALSE, TRUE = 0, 1

BASES: dict[str, tuple[str, ...]] = {
    "nand": ("NAND2",),
    "nand5": ("NAND2", "NAND3", "NAND4", "NAND5"),
    "nor": ("NOR2",),
    "inverting": ("NAND2", "NOR2"),
    "and_or": ("AND2", "OR2"),
    "all": ("NAND2", "NOR2", "AND2", "OR2"),
}
"""The gates, besides NOT, that an AND may become. Widths are complete from 2 up."""

# What a gate is as an AND: (its inputs are inverted, its output is inverted).
_FORMS = {"AND": (0, 0), "NAND": (0, 1), "NOR": (1, 0), "OR": (1, 1)}


class Logic:
    """Ports and the logic between them, under construction."""

    def __init__(self) -> None:
        self._builder = ProgramBuilder()
        self._gates: list[str] = [""]  # by node: "" for a terminal, AND, or the name of a fixed gate
        self._fan_in: list[tuple[int, ...]] = [()]
        self._columns: dict[int, int] = {}  # of literals
        self._ands: dict[tuple[int, int], int] = {}
        self._xors: dict[tuple[int, int], int] = {}
        self._fixed: dict[tuple[str, tuple[int, ...], int], int] = {}
        self._outputs: list[tuple[str, list[int], bool]] = []

    def input(self, name: str, bits: int, signed: bool = False) -> list[int]:
        """Add an operand; return its literals, least significant first."""
        word = self._builder.input(name, bits, signed=signed)
        literals = [self._node("", ()) for _ in word]
        self._columns.update(zip(literals, word, strict=True))
        return literals

    def output(self, name: str, literals: Sequence[int], signed: bool = False) -> None:
        """Name a result."""
        self._outputs.append((name, list(literals), signed))

    def and_(self, a: int, b: int) -> int:
        """Return the literal of a AND b."""
        if a > b:
            a, b = b, a
        if a <= TRUE:
            return b if a == TRUE else FALSE
        if a >> 1 == b >> 1:
            return a if a == b else FALSE
        found = self._ands.get((a, b))
        if found is None:
            found = self._ands[a, b] = self._node("AND", (a, b))
        return found

    def or_(self, a: int, b: int) -> int:
        """Return the literal of a OR b."""
        return self.and_(a ^ 1, b ^ 1) ^ 1

    def xor(self, a: int, b: int) -> int:
        """Return the literal of a XOR b: four NANDs, the first of them NAND(a, b)."""
        if a > b:
            a, b = b, a
        if a <= TRUE:
            return a ^ b
        if a >> 1 == b >> 1:
            return a ^ b  # FALSE or TRUE
        # One node for all polarities: the first that is asked for is built, as it is asked for.
        key, inverted = (a >> 1, b >> 1), (a ^ b) & 1
        found = self._xors.get(key)
        if found is None:
            both = self.and_(a, b) ^ 1
            found = self._xors[key] = self.or_(self.and_(a, both), self.and_(b, both)) ^ inverted
        return found ^ inverted

    def mux(self, choice: int, then: int, otherwise: int) -> int:
        """Return the literal of ``then`` where ``choice``, else ``otherwise``."""
        if then >> 1 == choice >> 1:
            then = then ^ choice ^ TRUE
        if otherwise >> 1 == choice >> 1:
            otherwise ^= choice
        if then == otherwise:
            return then
        if otherwise <= TRUE:
            return self.or_(choice ^ 1, then) if otherwise else self.and_(choice, then)
        if then <= TRUE:
            return self.or_(choice, otherwise) if then else self.and_(choice ^ 1, otherwise)
        # A function and its complement share their gates: those of the polarity that a NAND gives.
        inverted = (otherwise ^ (self._gates[otherwise >> 1] == "AND")) & 1
        then, otherwise = then ^ inverted, otherwise ^ inverted
        if then == otherwise ^ 1:
            return self.xor(choice, otherwise) ^ inverted
        return self.or_(self.and_(choice, then), self.and_(choice ^ 1, otherwise)) ^ inverted

    def all_of(self, literals: Iterable[int]) -> int:
        """Return the AND of literals, as a balanced tree."""
        level = list(literals) or [TRUE]
        while len(level) > 1:
            odd = level[-1:] if len(level) % 2 else []
            level = [self.and_(a, b) for a, b in zip(level[::2], level[1::2], strict=False)] + odd
        return level[0]

    def function(self, table: int, literals: Sequence[int]) -> int:
        """Return the function whose value for input i is bit i of ``table``, by Shannon's expansion.

        For a few inputs: each step looks at all of them.
        """
        if table == 0:
            return FALSE
        if table + 1 == 1 << (1 << len(literals)):
            return TRUE
        variable, low, high = _expansion(table, len(literals))
        return self.mux(literals[variable], self.function(high, literals), self.function(low, literals))

    def gate(self, name: str, *literals: int, copy: int = 0) -> int:
        """Return the literal of a gate that stays what it is; another ``copy`` is another cell.

        The literals are of different nodes, none constant.
        """
        key = (name, literals, copy)
        found = self._fixed.get(key)
        if found is None:
            found = self._fixed[key] = self._node(name, literals)
        return found

    def program(self, basis: str = "nand") -> Program:
        """Return the program of what the outputs need; it ends the construction.

        An output that equals an input or a constant is read in that cell.
        """
        gates = BASES[check_choice("basis", basis, BASES)]
        chosen = self._cover(gates)
        for node in sorted(chosen):
            name, reads, inverted = chosen[node]
            self._columns[2 * node + inverted] = self._builder.gate(name, *[self._column(r) for r in reads])
        for port, literals, signed in self._outputs:
            self._builder.output(port, [self._column(literal) for literal in literals], signed)
        return self._builder.build()

    def _node(self, gate: str, fan_in: tuple[int, ...]) -> int:
        self._gates.append(gate)
        self._fan_in.append(fan_in)
        return 2 * len(self._gates) - 2

    def _column(self, literal: int) -> int:
        column = self._columns.get(literal)
        if column is None:
            if literal <= TRUE:
                column = self._builder.constant(literal)
            else:
                column = self._builder.gate("NOT", self._columns[literal ^ 1])
            self._columns[literal] = column
        return column

    def _cover(self, basis: tuple[str, ...]) -> dict[int, tuple[str, list[int], int]]:
        """Choose a gate for every node that is needed: node -> (gate, literals that it reads, inverted)."""
        forms = [(kind, *_FORMS[kind]) for kind in dict.fromkeys(name[:-1] for name in basis)]
        widest = max(int(name[-1]) for name in basis)
        uses = self._uses()
        needed = {literal for _, literals, _ in self._outputs for literal in literals}
        chosen: dict[int, tuple[str, list[int], int]] = {}
        for node in range(len(self._gates) - 1, 0, -1):
            if 2 * node not in needed and 2 * node + 1 not in needed:
                continue
            gate = self._gates[node]
            if not gate:
                continue
            if gate != "AND":
                reads, inverted = list(self._fan_in[node]), 0
            else:
                leaves = self._leaves(node, uses, widest)
                kind, inputs, inverted = (
                    forms[0]
                    if len(forms) == 1
                    else min(forms, key=lambda form: self._inversions(form, node, leaves, needed))
                )
                gate = f"{kind}{len(leaves)}"
                reads = [leaf ^ inputs for leaf in leaves]
            chosen[node] = gate, reads, inverted
            needed.update(reads)
        return chosen

    def _uses(self) -> list[int]:
        """How many readers each node has, among the live ones."""
        uses = [0] * len(self._gates)
        for _, literals, _ in self._outputs:
            for literal in literals:
                uses[literal >> 1] += 1
        for node in range(len(self._gates) - 1, 0, -1):
            if uses[node]:
                for literal in self._fan_in[node]:
                    uses[literal >> 1] += 1
        return uses

    def _leaves(self, node: int, uses: list[int], widest: int) -> list[int]:
        """Return literals whose AND a node is: ANDs that nobody else reads are taken in, up to ``widest``."""
        leaves = list(self._fan_in[node])
        at = 0
        while at < len(leaves) < widest:
            leaf = leaves[at]
            inner = self._fan_in[leaf >> 1]
            if leaf & 1 or self._gates[leaf >> 1] != "AND" or uses[leaf >> 1] > 1:
                at += 1
                continue
            leaves = list(dict.fromkeys(leaves[:at] + list(inner) + leaves[at + 1 :]))
        return leaves

    def _inversions(self, form: tuple[str, int, int], node: int, leaves: list[int], needed: set[int]) -> int:
        """How many NOT gates a choice of form entails, as far as can be seen from the outputs."""
        _, inputs, inverted = form
        count = int(2 * node + (1 - inverted) in needed)
        for leaf in leaves:
            literal = leaf ^ inputs
            if literal not in needed:
                terminal = self._gates[literal >> 1] != "AND"
                count += literal & 1 if terminal else literal ^ 1 in needed
        return count


@lru_cache(maxsize=4096)
def _expansion(table: int, number: int) -> tuple[int, int, int]:
    """Return the variable to expand a function by, and what it is where that is 0 and 1.

    Expanded is what leaves functions of the fewest variables, a function and its complement counted once.
    """
    everything = (1 << (1 << number)) - 1
    best: tuple[int, int, int, int] | None = None
    for variable in range(number):
        low, high = _cofactors(table, variable, number)
        if low != high:
            distinct = {min(half, half ^ everything) for half in (low, high)}
            size = sum(
                len(set(_cofactors(half, other, number))) - 1 for half in distinct for other in range(number)
            )
            best = min(best or (size, variable, low, high), (size, variable, low, high))
    assert best is not None, "the function is constant"
    return best[1:]


def _cofactors(table: int, variable: int, number: int) -> tuple[int, int]:
    """Return a function where a variable is 0 and where it is 1, as tables that don't depend on it."""
    shift = 1 << variable
    zeros = sum(1 << i for i in range(1 << number) if not i & shift)
    low, high = table & zeros, table >> shift & zeros
    return low | low << shift, high | high << shift
