"""Photos in the space of words, without a model of pictures and words: concept tags.

Norouzi et al., ICLR 2014, "Zero-Shot Learning by Convex Combination of Semantic Embeddings" (ConSE, arXiv
1312.5650), equation 3: a classifier's T likeliest classes, the vectors of their names averaged by their
probabilities. Here the classifier is EfficientNet-Lite2 with ImageNet's 1000 classes, and the names, as
"a photo of a NAME", are read by MiniLM, so that a question's words meet photos in the space of texts.

It is the floor, not the ceiling: one clear thing in a photo (animals, vehicles, food, furniture) is found;
people, actions, colours, counts, scenes and writing are not. Pages, figures, charts and diagrams are never
read, nor pictures drawn with few colours. With CLIP weights at hand use `retrievers/encoders/clip`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from rag.answer import Query
from rag.document import Chunk, Media, Modality, Role
from rag.identity import combined, digest
from rag.protocols import Assets
from rag.vlm import PAGE_PIXELS

from .classifier import WEIGHTS, Classifier
from .composed import composed
from .minilm import MiniLM
from .seeing import seen, shown, stored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    from rag.protocols import Dense

    Vector = NDArray[np.float32]

TEMPLATE = "a photo of a {}"
DRAWN = 0.5
"""A picture whose commonest shade takes more of it than this is a drawing, not a photo."""


class ConSE:
    """An Encoder of photos by concept tags; questions may be words, photos, or both.

    `classes` is T of the paper. The vector of a picture that is no photo is zero: near to nothing.
    """

    name = "concept tags"
    dim = MiniLM.dim
    modalities: frozenset[Modality] = frozenset({"image", "video"})
    roles: frozenset[Role] = frozenset({"photo", "keyframe", "speech"})
    """Of the chunks it is given at ingest: no pages, figures, charts, diagrams. Speech has the frame shown with it."""
    view = "pixels"

    def __init__(self, classes: int = 10, assets: Assets | None = None) -> None:
        if not 1 <= classes <= 1000:
            raise ValueError(f"classes must be 1 to 1000, got {classes}")
        self.classes = classes
        self._assets = assets
        self._words = MiniLM()
        self._classifier = Classifier()

    @staticmethod
    def available() -> bool:
        """Whether its weights and MiniLM's are installed; imports none of them."""
        return Classifier.available() and MiniLM.available()

    @property
    def fingerprint(self) -> str:
        """Both models, the names, the template and how many classes; also fit for a file name."""
        names = digest("\n".join(self._classifier.names))
        rest = combined(names, TEMPLATE, DRAWN, self._words.fingerprint)
        return ".".join(["conse", WEIGHTS[:12], rest[:12], str(self.classes)])

    def warm(self) -> None:
        """Load what a question of words needs."""
        self.encode_queries([Query(("warm",))])

    def tags(self, chunks: Sequence[Chunk]) -> list[list[tuple[str, float]]]:
        """For each photo its likeliest classes with their probabilities, best first; none for a drawing."""
        assets = stored(self._assets, "conse")
        return [self._tags(seen(assets, chunk, 144, PAGE_PIXELS)) for chunk in chunks]

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Dense:
        """(n, 384): unit vectors of photos, zeros for drawings. SourceError if one cannot be read."""
        import numpy as np

        if not chunks:
            return np.zeros((0, self.dim), np.float32)
        assets = stored(self._assets, "conse")
        return np.stack([self._vector(seen(assets, chunk, 144, PAGE_PIXELS)) for chunk in chunks])

    def encode_queries(self, queries: Sequence[Query]) -> Dense:
        """Unit vectors (n, 384): words and photos added up, minus words taken away; zeros where a drawing is all."""
        import numpy as np

        if not queries:
            return np.zeros((0, self.dim), np.float32)
        return np.stack([self._asked(query) for query in queries])

    def _asked(self, query: Query) -> Vector:
        pictures = [self._vector(one) for one in shown(self._assets, query, PAGE_PIXELS, "conse")]
        plus = [one for one in pictures if one.any()]
        pictured = any(isinstance(part, Media) for part in query.parts)
        if query.text or not pictured:
            plus.append(self._words.encode_queries([Query((query.text,))])[0])
        if not plus:
            return pictures[0]
        minus = self._words.encode_queries([Query((one,)) for one in query.minus])
        return composed(plus, list(minus))

    def _tags(self, picture: Pillow.Image) -> list[tuple[str, float]]:
        import numpy as np

        if not is_photo(picture):
            return []
        told = self._classifier.probabilities([picture])[0]
        best = np.argsort(-told, kind="stable")[: self.classes]
        return [(self._classifier.names[one], float(told[one])) for one in best]

    def _vector(self, picture: Pillow.Image) -> Vector:
        import numpy as np

        tags = self._tags(picture)
        if not tags:
            return np.zeros(self.dim, np.float32)
        return convex(np.stack([named()[name] for name, _ in tags]), [share for _, share in tags])


@cache
def named() -> dict[str, Vector]:
    """The vector of each class's name: some seconds, once a process."""
    names = tuple(dict.fromkeys(Classifier().names))
    made = MiniLM().encode_queries([Query((TEMPLATE.format(name),)) for name in names])
    return dict(zip(names, made, strict=True))


def convex(vectors: NDArray[np.float32], shares: Sequence[float]) -> Vector:
    """Equation 3: (T, dim) vectors averaged by their shares, to length 1 (the paper divides by the shares' sum)."""
    import numpy as np

    mean = np.average(vectors.astype(np.float64), axis=0, weights=shares)
    unit: Vector = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
    return unit


def is_photo(picture: Pillow.Image) -> bool:
    """Whether no one shade (of 16 a colour) takes most of a picture, as paper and screens do in drawings."""
    import numpy as np

    small = picture.convert("RGB").resize((64, 64))
    shades = (np.asarray(small, np.int64) // 16) @ np.array([256, 16, 1])
    return bool(np.bincount(shades.ravel()).max() <= DRAWN * shades.size)
