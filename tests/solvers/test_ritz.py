"""What conjugate gradients have seen of the spectrum, against the Lanczos matrix."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.solvers.ritz import Ritz


def run(values, steps, weights):
    """Conjugate gradients on a diagonal matrix: (α, β) of each step, squared errors, r·r."""
    x, r = np.zeros_like(values), weights.copy()
    p, out = r.copy(), []
    for _ in range(steps):
        alpha = (r @ r) / (p @ (values * p))
        x, new = x + alpha * p, r - alpha * values * p
        beta = (new @ new) / (r @ r)
        out.append((alpha, beta, ((weights / values - x) ** 2 * values).sum(), new @ new))
        r, p = new, new + beta * p
    return out


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_the_smallest_ritz_value_is_followed_from_above(dtype):
    rng = np.random.default_rng(0)
    values = np.concatenate([[1e-4, 3e-3], rng.uniform(0.1, 2.0, 40)])
    history = run(values, 25, rng.normal(size=42))
    ritz, alphas, betas = Ritz.begin(dtype), [], []
    for alpha, beta, error, rr in history:
        ritz = ritz.extended(jnp.asarray(alpha, dtype), jnp.asarray(beta, dtype))
        diagonal = [1 / a + (betas[i - 1] / alphas[i - 1] if i else 0.0) for i, a in enumerate([*alphas, alpha])]
        off = [np.sqrt(b) / a for a, b in zip(alphas, betas, strict=True)]
        exact = np.linalg.eigvalsh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))[0]
        assert exact * (1 - 1e-3) <= float(ritz.smallest) <= 1.5 * exact
        assert error <= rr * float(ritz.share) / values.min() * (1 + 1e-3)
        alphas, betas = [*alphas, alpha], [*betas, beta]
    assert float(ritz.smallest) == pytest.approx(1e-4, rel=0.05)
