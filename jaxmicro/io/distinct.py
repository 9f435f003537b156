"""The distinct values of an array and how often each occurs."""

import numpy as np

WIDEST = 1 << 16


def distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct values in ascending order and their counts; counted without sorting where they are small integers."""
    if not _countable(values):
        return np.unique(values, return_counts=True)
    low = int(values.min())
    counts = np.bincount((values.astype(np.int64) - low).ravel())
    present = np.flatnonzero(counts)
    return present + low, counts[present]


def translate(values: np.ndarray, found: np.ndarray, meaning: np.ndarray) -> np.ndarray:
    """Replace each value by the `meaning` of its place in `found`, the ascending distinct values."""
    if not _countable(values):
        return meaning[np.searchsorted(found, values)]
    low = int(found[0])
    table = np.zeros(int(found[-1]) - low + 1, meaning.dtype)
    table[found.astype(np.int64) - low] = meaning
    return table[values.astype(np.int64) - low]


def _countable(values: np.ndarray) -> bool:
    return values.dtype.kind in "iub" and int(values.max()) - int(values.min()) < WIDEST


def shares(found: np.ndarray, counts: np.ndarray, size: int, most: int = 8) -> str:
    """Text such as `0: 39.3 %, 1: 57.9 %`, the most frequent ones first where there are many."""
    order = range(len(found)) if len(found) <= most else np.argsort(counts)[::-1][:most]
    listed = ", ".join(f"{found[k]:g}: {100 * counts[k] / size:.1f} %" for k in order)
    return listed + (f", … ({len(found)} values)" if len(found) > most else "")
