"""All cases, by family, in the order of the table."""

from tests.truths import arrays, checkered, identities, inclusions, layered, manufactured, polycrystals, walled
from tests.truths.case import Case

FAMILIES: dict[str, tuple[Case, ...]] = {
    "Layers": layered.CASES,
    "Checkerboards and exchanged phases": checkered.CASES,
    "Coated inclusions that attain the Hashin–Shtrikman bounds": inclusions.CASES,
    "Arrays of discs and spheres": arrays.CASES,
    "Relations that hold for every geometry": identities.CASES,
    "Polycrystals": polycrystals.CASES,
    "Between walls": walled.CASES,
    "Manufactured solutions": manufactured.CASES,
}
