"""Bodies of a periodic cell moved and turned until none overlaps another.

The energy ½ Σ max(0, s − h)², with h the distance of a pair (contact.py) and s a small slack, is brought down by FIRE: Newton's equation
with a velocity that is steered towards the force and stopped where it points uphill. Bodies are kept apart by the slack, so that the
overlap that is left when the energy is nearly zero is none (h ≥ 0).

Only pairs whose distance is below a skin are looked at, until some body has moved by half of it; h is never larger than the distance
between surfaces, so that the others cannot touch before. Pairs of all images count, those of a body with its own too.

Reference: E. Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006), doi:10.1103/PhysRevLett.97.170201.
"""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxmicro.microstructures.bodies import Bodies
from jaxmicro.microstructures.contact import Contact

SLACK = 1e-3  # of the two sizes together, by which bodies are kept apart
SKIN = 0.4  # of the mean size
STEP, LONGEST_STEP, MIXING = 0.1, 0.35, 0.1
PATIENCE = 8  # steps downhill before the step grows
LARGEST_MOVE = 0.2  # of the smallest size, within a step
WINDOW = 500  # steps in which the energy of a packing that is not jammed falls by more than
FALL = 0.25  # this share


class Pose(NamedTuple):
    """Where bodies are: centres `(n, d)`, and their axes as rows `(n, d, d)`."""

    centres: Float[np.ndarray, "n d"]
    frames: Float[np.ndarray, "n d d"]


class Pairs(NamedTuple):
    """Pairs of bodies that are near, and the shift of the second one's image `(m, d)`."""

    first: Int[np.ndarray, " m"]
    second: Int[np.ndarray, " m"]
    shift: Float[np.ndarray, "m d"]


def relax(
    bodies: Bodies, pose: Pose, lengths: Float[np.ndarray, " d"], steps: int, *, turning: bool = False
) -> tuple[Pose, Float[np.ndarray, " m"], Pairs]:
    """Move (and turn) bodies until none overlaps, or until they are jammed or the steps are used up.

    Returns:
        Where they are, and the overlaps that are left with their pairs; both are empty where none is left.
    """
    n, d = pose.centres.shape
    k = (1 if d == 2 else 3) if turning else 0
    size, arm = bodies.size, bodies.reach / np.sqrt(2)
    velocity = np.zeros((n, d + k))
    step, mixing, downhill = STEP, MIXING, 0
    skin, largest = SKIN * float(size.mean()), LARGEST_MOVE * float(size.min())
    near, origin, before = near_pairs(bodies, pose, lengths, skin), pose, np.inf
    found = bodies.contact(near.first, near.second, _between(pose, near), pose.frames)
    for count in range(steps):
        if _moved(pose, origin, bodies.reach) > skin / 2:
            near, origin = near_pairs(bodies, pose, lengths, skin), pose
        found = bodies.contact(near.first, near.second, _between(pose, near), pose.frames)
        if found.distance.min(initial=0.0) >= 0:
            return pose, np.zeros(0), Pairs(near.first[:0], near.second[:0], near.shift[:0])
        excess = np.maximum(SLACK * (size[near.first] + size[near.second]) - found.distance, 0)
        if count % WINDOW == 0:
            energy = float((excess**2).sum())
            if energy > (1 - FALL) * before:
                break
            before = energy
        force = _forces(found, near, excess, arm, (n, d, k))
        power = float((force * velocity).sum())
        if power > 0:
            downhill += 1
            if downhill > PATIENCE:
                step, mixing = min(1.1 * step, LONGEST_STEP), 0.99 * mixing
        else:
            velocity, step, mixing, downhill = np.zeros_like(velocity), max(0.5 * step, 0.01), MIXING, 0
        velocity = velocity + step * force
        rate = np.linalg.norm(velocity) / max(np.linalg.norm(force), np.finfo(float).tiny)
        velocity = (1 - mixing) * velocity + mixing * rate * force
        fastest = np.abs(velocity).max() * step
        velocity *= min(1.0, largest / max(fastest, np.finfo(float).tiny))
        pose = _advanced(pose, step * velocity, arm, d)
    overlapping = found.distance < 0
    return pose, -found.distance[overlapping], Pairs(near.first[overlapping], near.second[overlapping], near.shift[overlapping])


def near_pairs(bodies: Bodies, pose: Pose, lengths: Float[np.ndarray, " d"], skin: float) -> Pairs:
    """All pairs of images whose distance is below the skin, each once."""
    from scipy.spatial import KDTree

    reach = bodies.reach
    inside = pose.centres - np.floor(pose.centres / lengths) * lengths
    home = pose.centres - inside
    farthest = 2 * float(reach.max()) + skin
    copies, owners, shifts = [], [], []
    for index in itertools.product(*(range(-m, m + 1) for m in np.ceil(farthest / lengths).astype(int))):
        shift = np.array(index) * lengths
        image = inside + shift
        seen = ((image > -farthest) & (image < lengths + farthest)).all(axis=1)
        copies.append(image[seen])
        owners.append(np.flatnonzero(seen))
        shifts.append(np.broadcast_to(shift, (int(seen.sum()), lengths.size)))
    images, owner, shift = np.concatenate(copies), np.concatenate(owners), np.concatenate(shifts)
    found = KDTree(inside).sparse_distance_matrix(KDTree(images), farthest, output_type="ndarray")
    first, image, distance = found["i"], found["j"], found["v"]
    second = owner[image]
    leading = np.zeros(len(image))  # sign of the first coordinate of the shift that is not zero
    for column in shift[image].T[::-1]:
        leading = np.where(column != 0, column, leading)
    keep = ((first < second) | ((first == second) & (leading > 0))) & (distance < reach[first] + reach[second] + skin)
    first, second = first[keep].astype(int), second[keep]
    moved = shift[image[keep]] - home[second] + home[first]
    pairs = Pairs(first, second, moved)
    close = bodies.contact(first, second, _between(pose, pairs), pose.frames).distance < skin
    return Pairs(first[close], second[close], moved[close])


def _between(pose: Pose, pairs: Pairs) -> Float[np.ndarray, "m d"]:
    return pose.centres[pairs.second] - pose.centres[pairs.first] + pairs.shift


def _moved(pose: Pose, origin: Pose, reach: Float[np.ndarray, " n"]) -> float:
    """The farthest that a point of a body can have moved."""
    way = np.sqrt(((pose.centres - origin.centres) ** 2).sum(axis=1))
    if pose.frames is not origin.frames:
        way = way + reach * np.sqrt(((pose.frames - origin.frames) ** 2).sum(axis=(1, 2)))
    return float(way.max(initial=0.0))


def _forces(
    found: Contact, near: Pairs, excess: Float[np.ndarray, " m"], arm: Float[np.ndarray, " n"], sizes: tuple[int, int, int]
) -> Float[np.ndarray, "n f"]:
    """Forces and, divided by a lever arm, torques: minus the derivative of the energy."""
    n, d, k = sizes
    force = np.empty((n, d + k))
    for axis in range(d):
        pull = excess * found.push[:, axis]
        force[:, axis] = np.bincount(near.second, pull, n) - np.bincount(near.first, pull, n)
    for axis in range(k):
        own, other = excess * found.first_turn[:, axis], excess * found.second_turn[:, axis]  # pyright: ignore[reportOptionalSubscript]
        force[:, d + axis] = (np.bincount(near.first, own, n) + np.bincount(near.second, other, n)) / arm
    return force


def _advanced(pose: Pose, move: Float[np.ndarray, "n f"], arm: Float[np.ndarray, " n"], d: int) -> Pose:
    centres = pose.centres + move[:, :d]
    if move.shape[1] == d:
        return Pose(centres, pose.frames)
    return Pose(centres, np.einsum("nki,nji->nkj", pose.frames, turns(move[:, d:] / arm[:, None])))


def turns(vectors: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n d d"]:
    """Matrices that turn vectors about an axis by its length (Rodrigues), or in a plane by an angle."""
    if vectors.shape[1] == 1:
        c, s = np.cos(vectors[:, 0]), np.sin(vectors[:, 0])
        return np.stack([np.stack([c, -s], axis=1), np.stack([s, c], axis=1)], axis=1)
    angle = np.linalg.norm(vectors, axis=1)
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    sine, cosine = np.sinc(angle / np.pi), 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + sine[:, None, None] * skew + cosine[:, None, None] * skew @ skew
