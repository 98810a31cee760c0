"""Results of experiments: as JSON, as figures, as one self-contained page, as tables in the terminal."""

from nonideal.report.result import Comparison, Curve, Result, Table, load_result

__all__ = ["Comparison", "Curve", "Result", "Table", "load_result"]
