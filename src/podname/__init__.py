"""podname: every Kubernetes pod reachable by its own name."""

__version__ = "0.1.0"

__all__ = ["__version__"]
