"""The native engine: the tables and the packet loop of `rust/`, behind the interface of the reference.

What a question over UDP needs is done in threads of Rust, without Python. TCP connections are the reference's, answered
from the native tables; misses and whatever is observed come to Python through queues.

Importing this raises ImportError where the native module was not built.
"""

from podname.engine.native.engine import NativeEngine
from podname.engine.native.table import NativeTable

__all__ = ["NativeEngine", "NativeTable"]
