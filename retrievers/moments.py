"""Moments of recordings put in order by the clip around each: what is seen, and what is said, together.

After Jeong et al. 2025, "VideoRAG": a clip is alpha * transcript + (1 - alpha) * frames; frames are pooled
for the question (see `clips`), not by a video encoder. The moment's own share in its score is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from rag.answer import Hit, Query, Score
from rag.document import Chunk, TimeSpan
from rag.protocols import Catalog, Encoder, Index, Retriever
from rag.sound import spoilt, unsound

from .clips import Pooling, XPool, cosine, fused
from .frames import SubsetScorer, selected

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """The hits of `retriever`, those with a TimeSpan ordered anew among themselves; all others keep their rank.

    A moment's clip is made of the frames and the speech at most `seconds` from it, looked for among
    `reach` neighbours on either side. Frames have their vectors in `index` (one a chunk), and speech in
    `words`, an index of the same space; without one in `index` too, where a frame with speech counts as a
    frame alone. `pooling` "topk" sums the `nearest` frames, "xpool" needs the file of its `weights`. With
    `frames` above 0 at most so many frames of a clip count: its k-means++ candidates, or, by the scorer in the
    file `subset_weights`, the best subset of twice as many (see `frames`). The score stands in
    the hit's parts as "moments": the inner product of question and clip, so alpha and 1 - alpha weigh the cosines
    of speech and frames (`renormalise` makes the clip a unit vector before, which favours clips whose two sides
    differ). The moment's own frame and speech alone make the share `own` of it, so that of two moments in one
    clip the one that answers is first. Hits keep their scores, so the order is no longer that of the scores. A
    moment whose clip has no vectors stays behind those that have some.
    """

    retriever: Retriever
    encoder: Encoder[Any]
    index: Index[Any]
    catalog: Catalog
    words: Index[Any] | None = None
    pooling: Literal["mean", "topk", "softmax", "gim", "xpool"] = "softmax"
    temperature: float = 0.01
    nearest: int = 3
    weights: str = ""
    frames: int = 0
    subset_weights: str = ""
    alpha: float = 0.6
    renormalise: bool = False
    own: float = 0.2
    seconds: float = 15.0
    reach: int = 8
    depth: int = 50

    def __post_init__(self) -> None:
        if self.pooling != "xpool":
            Pooling(self.pooling, self.temperature, self.nearest)
        elif not self.weights:
            raise ValueError('pooling "xpool" needs weights: a safetensors file with those of its module')
        if not 0 <= self.alpha <= 1 or not 0 <= self.own <= 1 or self.seconds < 0 or self.reach < 0:
            raise ValueError("alpha and own must be from 0 to 1, seconds and reach at least 0")
        if self.frames < 0 or (self.subset_weights and not self.frames):
            raise ValueError("frames must be at least 0, and above 0 with subset_weights")

    @cached_property
    def _pool(self) -> Pooling | XPool:
        if self.pooling == "xpool":
            return XPool.load(self.weights)
        return Pooling(self.pooling, self.temperature, self.nearest)

    @cached_property
    def _scorer(self) -> SubsetScorer | None:
        return SubsetScorer.load(self.subset_weights) if self.subset_weights else None

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query."""
        if k <= 0:
            return [[] for _ in queries]
        found = self.retriever.retrieve(queries, max(k, self.depth))
        asked = [n for n, hits in enumerate(found) if any(_span(hit.chunk) for hit in hits)]
        vectors = self.encoder.encode_queries([queries[n] for n in asked]) if asked else []
        if unsound(vectors):
            raise spoilt(self.encoder, "a question")
        for n, vector in zip(asked, vectors, strict=True):
            found[n] = self._ordered(vector, found[n])
        return [hits[:k] for hits in found]

    def _ordered(self, question: NDArray[np.float32], hits: Sequence[Hit]) -> list[Hit]:
        places = [n for n, hit in enumerate(hits) if _span(hit.chunk)]
        scores = {n: self._score(question, hits[n].chunk) for n in places}
        ordered = list(hits)
        best = sorted(places, key=lambda n: (-scores[n], n))
        for rank, (place, n) in enumerate(zip(places, best, strict=True), 1):
            told = {} if scores[n] == float("-inf") else {"moments": Score(rank, scores[n])}
            ordered[place] = replace(hits[n], parts={**hits[n].parts, **told})
        return ordered

    def _score(self, question: NDArray[np.float32], chunk: Chunk) -> float:
        """Of question and clip, the moment's own share included; minus infinity where the clip has no vectors."""
        around = [one for one in self.catalog.neighbours(chunk.id, self.reach, self.reach) if self._near(chunk, one)]
        # In the order of time, which a scorer of subsets was trained on.
        clip = sorted([chunk, *around], key=lambda one: span.start if (span := _span(one)) else 0.0)
        whole, alone = self._near_to(question, clip), self._near_to(question, [chunk])
        if whole is None:
            return float("-inf")
        return (1 - self.own) * whole + self.own * (whole if alone is None else alone)

    def _near_to(self, question: NDArray[np.float32], clip: Sequence[Chunk]) -> float | None:
        import numpy as np

        words = self.index if self.words is None else self.words
        frames = [one for one in clip if one.modality in ("image", "video")]
        apart = self.words is not None  # else a frame's vector would count as what is said too
        speech = [one for one in clip if one.text and one.role != "keyframe" and (apart or one not in frames)]
        seen = [vector for one in frames for vector in _vector(self.index, one.id)]
        said = [vector for one in speech for vector in _vector(words, one.id)]
        if self.frames and seen:
            seen = [
                seen[row] for row in selected(np.stack(seen), self._scorer, size=self.frames, count=2 * self.frames)
            ]
        visual = self._pool(question, np.stack(seen))[0] if seen else None
        textual = np.mean(said, axis=0) if said else None
        if visual is None and textual is None:
            return None
        vector = fused(visual, textual, self.alpha, self.renormalise)
        return cosine(question, vector) * float(np.linalg.norm(vector))

    def _near(self, chunk: Chunk, other: Chunk) -> bool:
        """Whether the other is of the same recording and no farther away than `seconds`."""
        one, two = _span(chunk), _span(other)
        if one is None or two is None or chunk.origin.source.digest != other.origin.source.digest:
            return False
        return two.start <= one.end + self.seconds and one.start <= two.end + self.seconds


def _vector(index: Index[Any], id: str) -> list[NDArray[np.float32]]:
    """Its vector; none where it has none, or a zero, which encoders give where there is nothing to see."""
    try:
        return [one for one in index.vectors([id]) if one.any()]
    except KeyError:
        return []


def _span(chunk: Chunk) -> TimeSpan | None:
    return next((place for place in chunk.origin.places if isinstance(place, TimeSpan)), None)
