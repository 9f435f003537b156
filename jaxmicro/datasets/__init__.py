"""Training images: made by generators, cut from real maps, read from folders.

In:  generators (`key -> Microstructure`), microstructures, folders of files.
Out: an `ImageSet`: phase fractions with the names of the phases, whether they are periodic, and where each came from.
Add one: a generator is a function that returns `key -> Microstructure`; a source of images is one file with one
     function that returns an `ImageSet`, exported here.
"""

from jaxmicro.datasets.crops import crops
from jaxmicro.datasets.folder import from_folder
from jaxmicro.datasets.image_set import ImageSet
from jaxmicro.datasets.synthetic import packings, random_fields, synthetic

__all__ = ["ImageSet", "crops", "from_folder", "packings", "random_fields", "synthetic"]
