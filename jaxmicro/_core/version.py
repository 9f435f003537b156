"""The version, in one place: the wheel, the lobby, run folders and files all read it here."""

__version__ = "0.1.0"
