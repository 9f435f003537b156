"""Numbers on a periodic box."""
from jaxmicro.fields.grid import Grid

__all__ = ["Grid"]
