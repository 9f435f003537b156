"""Independent truths: the laminate formula, an assembled finite-element system, and random material fields."""

import itertools

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

PAIRS = {3: ((0, 0), (1, 1), (0, 1)), 6: ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))}


def random_stiffness(rng, size):
    """A positive definite tensor without any symmetry."""
    a = rng.normal(size=(size, size))
    return a @ a.T + 0.3 * np.eye(size)


def smooth_field(shape, contrast, seed=2, width=0.1, steepness=6.0):
    """A sigmoid of a smooth random field, from contrast to 1 on a logarithmic scale."""
    rng = np.random.default_rng(seed)
    waves = sum(
        np.minimum(np.arange(n), n - np.arange(n)).reshape([-1 if a == b else 1 for b in range(len(shape))]) ** 2
        for a, n in enumerate(shape)
    )
    field = np.fft.ifftn(np.fft.fftn(rng.normal(size=shape)) * np.exp(-width * waves)).real
    return contrast ** (1 / (1 + np.exp(steepness * field / field.std())))


def strain_of(gradient, size):
    """Mandel strain of a displacement gradient (c, d) padded to three components and directions."""
    full = np.zeros((3, 3))
    full[: gradient.shape[0], : gradient.shape[1]] = gradient
    full = 0.5 * (full + full.T)
    return np.array([full[i, j] * (1.0 if i == j else np.sqrt(2)) for i, j in PAIRS[size]])


def laminate_stiffness(tensors, fractions, normal, components):
    """Exact effective stiffness of layers: strain jumps are a ⊗ n, tractions are equal.

    With the layer strains ε_p = E + sym(a_p ⊗ n), Σ f_p a_p = 0 and equal n·σ_p, a linear system in the a_p.
    """
    size = tensors[0].shape[0]
    dim = len(normal)
    jump = np.stack([strain_of(np.outer(np.eye(components)[i], normal)[:, :dim], size) for i in range(components)], axis=1)  # (m, c)
    blocks = [jump.T @ c @ jump for c in tensors]
    inverse = [np.linalg.inv(b) for b in blocks]
    mean_inverse = sum(f * b for f, b in zip(fractions, inverse, strict=True))
    # traction t = jumpᵀ C_p (E + jump a_p) for all p, so a_p = inv_p (t − jumpᵀ C_p E); Σ f a = 0 gives t.
    pulls = [jump.T @ c for c in tensors]
    traction = np.linalg.solve(mean_inverse, sum(f * b @ p for f, b, p in zip(fractions, inverse, pulls, strict=True)))
    out = np.zeros((size, size))
    for f, c, b, p in zip(fractions, tensors, inverse, pulls, strict=True):
        out += f * c @ (np.eye(size) + jump @ b @ (traction - p))
    return out


def laminate_conductivity(values, fractions, normal):
    """Exact conductivity of layers of tensor conductivity: equal normal flux, jumps along the normal."""
    n = np.asarray(normal, float)
    normal_parts = [n @ k @ n for k in values]
    resistance = sum(f / q for f, q in zip(fractions, normal_parts, strict=True))
    flux = sum(f * (n @ k) / q for f, k, q in zip(fractions, values, normal_parts, strict=True)) / resistance
    return sum(f * (k + np.outer(k @ n, (flux - n @ k) / q)) for f, k, q in zip(fractions, values, normal_parts, strict=True))


def assembled_effective(field, spacing, components):
    """Effective tensor by assembling bi/trilinear elements with 2^d Gauss points and a sparse direct solve.

    `field` is (m, m, *grid); written without any of the library's code. For conduction pass components = 1.
    """
    shape = field.shape[2:]
    dim, size, count = len(shape), field.shape[0], int(np.prod(shape))
    corners = list(itertools.product((0, 1), repeat=dim))
    points = list(itertools.product((-1 / np.sqrt(3), 1 / np.sqrt(3)), repeat=dim))
    b_matrices = []
    for point in points:
        b = np.zeros((size, components * len(corners)))
        for k, corner in enumerate(corners):
            gradient = np.ones(dim)
            for a in range(dim):
                for other in range(dim):
                    sign = 2 * corner[other] - 1
                    gradient[a] *= sign / spacing[other] if other == a else 0.5 * (1 + sign * point[other])
            for c in range(components):
                unit = np.zeros((components, dim))
                unit[c] = gradient
                b[:, components * k + c] = unit[0] if components == 1 else strain_of(unit, size)
        b_matrices.append(b)
    nodes = np.arange(count).reshape(shape)
    element_nodes = np.stack([np.roll(nodes, [-c for c in corner], axis=tuple(range(dim))).ravel() for corner in corners], axis=1)
    dofs = (components * element_nodes[:, :, None] + np.arange(components)).reshape(count, -1)
    c_flat = np.moveaxis(field.reshape(size, size, count), -1, 0)
    weight = 1.0 / len(points)
    k_e = sum(weight * np.einsum("ki,nkl,lj->nij", b, c_flat, b) for b in b_matrices)
    f_e = sum(weight * np.einsum("ki,nkl->nil", b, c_flat) for b in b_matrices)
    n_dof = components * count
    rows, cols = np.repeat(dofs, dofs.shape[1], axis=1).ravel(), np.tile(dofs, (1, dofs.shape[1])).ravel()
    k = sp.csr_matrix((k_e.ravel(), (rows, cols)), shape=(n_dof, n_dof))
    f = np.zeros((n_dof, size))
    np.add.at(f, dofs.ravel(), f_e.reshape(-1, size))
    free = np.arange(components, n_dof)
    u = np.zeros((n_dof, size))
    u[free] = spla.spsolve(k[free][:, free].tocsc(), -f[free]).reshape(len(free), size)
    return (c_flat.sum(0) + u.T @ f + f.T @ u + u.T @ (k @ u)) / count
