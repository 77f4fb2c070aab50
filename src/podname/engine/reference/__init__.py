"""The reference engine: plain Python, what the native one is compared with and what runs where that cannot be built."""

from podname.engine.reference.engine import PythonEngine
from podname.engine.reference.table import PythonTable

__all__ = ["PythonEngine", "PythonTable"]
