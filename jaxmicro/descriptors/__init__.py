"""A microstructure in a few numbers.

In:  a `Microstructure`, or the indicator `(*grid)` of one phase.
Out: JAX arrays, periodic, differentiable in phase fractions.
Add one: a descriptor is one file with one pure function, exported here, and a closed form in its test.
"""

from jaxmicro.descriptors.volume_fractions import volume_fractions

__all__ = ["volume_fractions"]
