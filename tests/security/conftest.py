"""A home, and the program in processes of its own, as for the faults."""

from tests.faults.conftest import home, mortal

__all__ = ["home", "mortal"]
