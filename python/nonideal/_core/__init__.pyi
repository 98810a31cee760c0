from __future__ import annotations
import collections.abc
import enum
import typing
from . import atoms
from . import cram
from . import flow
from . import quantum
__all__: list[str] = ['Purpose', 'active_isa', 'atoms', 'available_isas', 'cram', 'expect_memory', 'expect_result_memory', 'flow', 'num_threads', 'philox', 'quantum', 'set_num_threads']
class Purpose(enum.IntEnum):
    COUNTS: typing.ClassVar[Purpose]
    DISTANCE_SHOTS: typing.ClassVar[Purpose]
    FAULT: typing.ClassVar[Purpose]
    FOLD: typing.ClassVar[Purpose]
    GATE_ERROR: typing.ClassVar[Purpose]
    MACROSPIN: typing.ClassVar[Purpose]
    SEED: typing.ClassVar[Purpose]
    TRAJECTORY: typing.ClassVar[Purpose]
    UNIFORM_OPERAND: typing.ClassVar[Purpose]
    @classmethod
    def __new__(cls, value):
        ...
    def __format__(self, format_spec):
        ...
def active_isa() -> str:
    ...
def available_isas() -> list[str]:
    ...
def expect_memory(what: str, bytes: typing.SupportsFloat | typing.SupportsIndex) -> None:
    ...
def expect_result_memory(shape: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], bytes_per_element: typing.SupportsFloat | typing.SupportsIndex) -> None:
    ...
def num_threads() -> int:
    ...
def philox(counter: typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(4)"], key: typing.SupportsInt | typing.SupportsIndex) -> typing.Annotated[list[int], "FixedSize(4)"]:
    ...
def set_num_threads(num_threads: typing.SupportsInt | typing.SupportsIndex) -> None:
    ...
