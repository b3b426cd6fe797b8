"""The version of dipfolio.

It is a module without imports, so that every other module can read ``__version__`` without importing the package
itself.
"""

__version__ = "0.2.0"
"""The version of the package, as ``pip`` shows it."""
