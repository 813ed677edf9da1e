"""Archives: their members as documents of their own. `Archive` is the loader."""

from .loader import Archive

__all__ = ["Archive"]
