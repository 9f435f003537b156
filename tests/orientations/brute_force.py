"""Misorientations as a person would work them out by hand: every pair of symmetries, matrix by matrix."""

import numpy as np
from scipy.spatial.transform import Rotation

from jaxmicro.orientations import to_matrix

# Schönflies symbol of the rotations of each Laue group, and the axis SciPy is to put them on.
ROTATIONS = {
    "-1": ("C1", "Z"),
    "2/m": ("C2", "Y"),
    "mmm": ("D2", "Z"),
    "-3": ("C3", "Z"),
    "-3m": ("D3", "Z"),
    "4/m": ("C4", "Z"),
    "4/mmm": ("D4", "Z"),
    "6/m": ("C6", "Z"),
    "6/mmm": ("D6", "Z"),
    "m-3": ("T", "Z"),
    "m-3m": ("O", "Z"),
}


def symmetries(laue):
    """Matrices (n, 3, 3) of the rotations of a Laue group."""
    return Rotation.create_group(*ROTATIONS[laue]).as_matrix()


def equivalents(q1, q2, laue, laue2=None):
    """All s2 g2 g1ᵀ s1ᵀ as rotations, and their angles (n1 n2, pairs)."""
    g1, g2 = (np.moveaxis(np.asarray(to_matrix(q)), -1, 0) for q in (q1, q2))
    turns = np.einsum("bij,pjk,plk,aml->abpim", symmetries(laue2 or laue), g2, g1, symmetries(laue))
    turns = turns.reshape(-1, *turns.shape[2:])
    angles = Rotation.from_matrix(turns.reshape(-1, 3, 3)).magnitude().reshape(turns.shape[:2])
    return turns, angles


def smallest_angles(q1, q2, laue, laue2=None):
    return equivalents(q1, q2, laue, laue2)[1].min(axis=0)
