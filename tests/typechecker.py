"""The checker of types at run time: beartype, which also accepts a whole number where a float is declared."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
