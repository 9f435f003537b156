"""Differentiable microstructure physics and generative design."""
from jaxmicro.fields.grid import Grid  # TEMPORARY eager import until the lobby is written
