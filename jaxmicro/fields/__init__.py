"""Numbers on a periodic box.

In:  arrays with components first and the grid last.
Out: `Grid`; the FFT pair; Mandel notation and its conversions; kinematics (which gradient entries make which strain).
Add one: a new notation or transform is one file here and one export line.
"""

from jaxmicro.fields.fourier import forward, frequencies, half_shape, inverse, mirror_weights
from jaxmicro.fields.grid import Grid
from jaxmicro.fields.kinematics import Kinematics, conduction, elasticity
from jaxmicro.fields.mandel import from_voigt, mandel_to_tensor, tensor_to_mandel, to_voigt

__all__ = [
    "Grid",
    "Kinematics",
    "conduction",
    "elasticity",
    "forward",
    "frequencies",
    "from_voigt",
    "half_shape",
    "inverse",
    "mandel_to_tensor",
    "mirror_weights",
    "tensor_to_mandel",
    "to_voigt",
]
