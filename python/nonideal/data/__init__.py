"""Data sets: real ones with source, licence and checksum; a local copy first, never a silent download."""

from nonideal.data.dataset import Dataset
from nonideal.data.digits import load_digits
from nonideal.data.mnist import load_mnist
from nonideal.data.structures import STRUCTURES, StructureSet, find_structures

__all__ = ["STRUCTURES", "Dataset", "StructureSet", "find_structures", "load_digits", "load_mnist"]
