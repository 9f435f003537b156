"""What each treatment of edges that do not fit does to a piece of a picture."""

import numpy as np

from jaxmicro.cli.demonstration.designs import CONDUCTIVE, STIFF, Study
from jaxmicro.cli.demonstration.source import Source
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import Table
from jaxmicro.microstructures import Microstructure, crop, make_periodic, seam_report, sharpen

PIECES = 8


def seam_table(source: Source, study: Study, unit: str, job: Job) -> Table:
    """Mean stiffness and conductivity of pieces of the picture, left as they are, mirrored, and cross-faded.

    Pieces are cut so that every treatment ends at the size of the cell: half of it to be mirrored, a little more to be blended.
    """
    size = study.space.grid.shape[0]
    width = size // 8
    rows = []
    for treatment, edge, options in (("as_is", size, {}), ("mirror", size // 2, {}), ("blend", size + width, {"width": width})):
        pieces = [sharpen(make_periodic(piece, treatment, **options)) for piece in _pieces(source.picture, edge)]
        if not pieces:
            continue
        seams = np.mean([float(np.mean(np.asarray(seam_report(piece).seam))) for piece in pieces])
        values = study.values(np.stack([np.asarray(piece.labels) for piece in pieces]))
        means = [float(study.column(values, name).mean()) for name in (STIFF, CONDUCTIVE)]
        fraction = float(np.mean([float(piece.volume_fractions[1]) for piece in pieces]))
        rows.append((treatment, len(pieces), fraction, *means, f"{100 * seams:.1f} %"))
        for name, mean in zip((STIFF, CONDUCTIVE), means, strict=True):
            job.metric(f"periodic treatment {treatment}, mean {name}", mean)
    header = (
        "treatment",
        "pieces",
        f"volume fraction of {source.names[1]}",
        f"mean {STIFF} ({unit})" if unit else f"mean {STIFF}",
        f"mean {CONDUCTIVE}",
        "phase changes across the seam",
    )
    text = (
        "A picture is not periodic, but a cell problem is. “as_is” lets opposite edges meet with a jump, “mirror” reflects the piece, “blend” cross-fades "
        "its edges. Where the rows agree the treatment does not matter; mirrored pieces are half as large, so they scatter more. What the codec decodes is periodic by construction."
    )
    return Table("Edges that do not fit", header, tuple(rows), text)


def _pieces(picture: Microstructure | None, edge: int) -> list[Microstructure]:
    """Pieces of one size, spread over the picture."""
    if picture is None or min(picture.grid.shape) < edge:
        return []
    side = int(np.ceil(np.sqrt(PIECES)))
    starts = [np.round(np.linspace(0, n - edge, side)).astype(int) for n in picture.grid.shape]
    corners = [(int(x), int(y)) for x in starts[0] for y in starts[1]]
    kept = [corners[int(i)] for i in np.round(np.linspace(0, len(corners) - 1, PIECES))]
    return [crop(picture, ((x, x + edge), (y, y + edge))) for x, y in dict.fromkeys(kept)]
