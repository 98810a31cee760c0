"""Shard functions for the tests of nonideal.parallel; here, so that other processes can import them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info


@dataclass(frozen=True)
class Draw:
    seed: int
    index: int
    size: int = 5


def numbers(shard: Draw) -> dict[str, object]:
    generator = np.random.Generator(np.random.Philox(key=shard.seed, counter=[0, 0, 0, shard.index]))
    return {"normal": generator.normal(size=shard.size), "index": shard.index}


def share(shard: Draw) -> tuple[float, np.int64]:
    generator = np.random.Generator(np.random.Philox(key=shard.seed, counter=[0, 0, 0, shard.index]))
    return float(generator.random()), np.int64(shard.index)


def logged(shard: dict[str, str]) -> int:
    """Append a line to the file that the shard names."""
    with Path(shard["log"]).open("a", encoding="utf-8") as file:
        file.write(f"{shard['index']}\n")
    return int(shard["index"]) ** 2


def blas_threads(_: int) -> int:
    return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")


def threads(_: int) -> str:
    return os.environ["NONIDEAL_NUM_THREADS"]


def fail_at_two(index: int) -> int:
    if index == 2:
        raise ArithmeticError("two is too much")
    return index


def die(_: int) -> None:
    os._exit(3)


def no_json(_: int) -> object:
    return {1, 2}


def object_array(_: int) -> dict[str, object]:
    return {"x": np.array([None])}


def interrupt_at_two(index: int) -> int:
    if index == 2:
        raise KeyboardInterrupt
    return index


def sleep(_: int) -> None:
    time.sleep(60)
