"""The assets of a restricted view: what its catalog admits can be opened, and nothing else."""

from __future__ import annotations

from rag.document import Media, PageRegion, Place, Source
from rag.errors import CorpusError, SourceError
from rag.protocols import Assets
from rag.store.catalog import Catalog
from rag.store.scratch import held


class AdmittedAssets:
    """`Assets` behind a restricted catalog. A refusal reads like an absence: it tells nothing."""

    def __init__(self, assets: Assets, catalog: Catalog) -> None:
        self._assets = assets
        self._catalog = catalog

    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        """Never: a view is not written."""
        raise CorpusError("a restricted view cannot be written; open the corpus itself")

    def open(self, media: Media) -> bytes:
        """The bytes of what an admitted chunk or element shows; CorpusError otherwise."""
        if (asked := held(media.digest)) is not None:  # the asker's own picture
            return asked
        if not self._catalog.shows(media.digest):
            raise CorpusError(f"asset {media.digest[:12]} is missing")
        return self._assets.open(media)

    def crop(self, source: Source, place: Place, dpi: int = 144) -> bytes:
        """The region as PNG, of an admitted page of an admitted source; SourceError otherwise."""
        # The view's own record of the source is drawn: a caller's may name any path.
        known = self._catalog.sources(source.digest)
        if not known or (
            isinstance(place, PageRegion)
            and all(page.number != place.page for page in self._catalog.pages(source.digest))
        ):
            raise SourceError("there is no such page here", source=source.uri, kind="missing")
        return self._assets.crop(known[0], place, dpi)
