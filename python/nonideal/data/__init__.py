"""Data sets: real ones with source, licence and checksum; a local copy first, never a silent download."""

from nonideal.data.dataset import Dataset
from nonideal.data.digits import load_digits
from nonideal.data.mnist import load_mnist

__all__ = ["Dataset", "load_digits", "load_mnist"]
