"""The parts of one recording: its scenes and what is said in them, two minutes at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rag.document import Element, Head, Media, Modality, Notice, Origin, Part, Role, Source, TimeSpan
from rag.errors import MissingExtra
from rag.identity import combined, element_id

from .. import pixels
from ..image_text import read
from ..speech.garbage import without
from . import sampling
from .container import Streams, Survey, chosen, container
from .cues import Cue, fewer
from .frames import Frames, as_seen, detail, indistinguishable
from .head import Chapters
from .scenes import Scene, scenes
from .sound import piece, wav

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from PIL import Image as Pillow

    from .frames import Detail
    from .loader import Video

PART_SECONDS = 120.0
PART_CUES = 250
LATE = 0.25
"""Seconds that a picture may come after its sound at the start, or words after the end."""
MOST_READ = 16
"""Frames of a part whose words are recognised: at ten seconds each that stays below the time for a part."""
FRAMES = 1
"""Goes up when the same second would be kept as other pixels."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A picture that a part has shown."""

    fine: Detail
    media: Media | None


class Recording:
    """One document being read."""

    def __init__(self, loader: Video, source: Source, front: Head, survey: Survey, chapters: Chapters) -> None:
        self._loader = loader
        self._source = source
        self._head = front
        self._survey = survey
        self._chapters = chapters
        self._count = max(1, -int(-survey.end // PART_SECONDS))
        self._transcriber = loader.transcriber if not survey.cues else None

    def parts(self, start: int, about: str, notices: Sequence[Notice]) -> Iterator[Part]:
        for number in range(start, self._count):
            warnings = list(notices) if number == 0 else []
            begin = number * PART_SECONDS
            end = min(begin + PART_SECONDS, max(self._survey.end, begin))
            last = number == self._count - 1
            frames = list(self._keyframes(begin, end, warnings))
            said = [self._spoken(cue) for cue in self._cues(number, begin, end, last, warnings)]
            elements = list(_together(frames, said))
            if number == 0 and about:
                span = TimeSpan(0.0, round(max(self._survey.end, 0.001), 3))
                elements.insert(0, _element(self._source, "paragraph", "text", span, about))
            numbered = (
                replace(one, id=element_id(self._source.digest, number, at), headings=self._chapters.at(one))
                for at, one in enumerate(elements)
            )
            yield Part(number, self._head, tuple(numbered), warnings=tuple(warnings), source=self._source)

    # --- pictures ----------------------------------------------------------------------------------

    def _keyframes(self, begin: float, end: float, warnings: list[Notice]) -> Iterator[Element]:
        stop = min(end, self._survey.pictures_end)
        if stop <= begin:
            return
        with container(self._source, self._loader.max_bytes) as open_:
            streams = chosen(open_)
            frames = Frames(open_, streams, self._survey, self._source, self._loader.max_pixels)
            kept: list[_Kept] = []
            for scene in self._scenes(frames, begin, stop):
                if scene.start < LATE:  # sound often starts a little before the picture
                    scene = replace(scene, start=0.0)
                yield self._keyframe(scene, streams, kept, warnings)
        damage = frames.damage
        if damage.packets:
            place = TimeSpan(round(max(damage.first, 0.0), 3), round(max(damage.last, damage.first, 0.0), 3))
            warnings.append(Notice(f"{damage.packets} damaged packets are left out", place))
        if damage.too_large:
            warnings.append(Notice(f"{damage.too_large} frames of too many pixels are left out (max_pixels)"))

    def _scenes(self, frames: Frames, begin: float, end: float) -> Iterator[Scene]:
        """The scenes of a part, as the loader's `sampling` finds them."""
        loader = self._loader

        def shown(at: float) -> tuple[float, VideoFrame] | None:
            return next(frames.since(at), None)

        count = min(loader.frames or sampling.FRAMES, max(1, int((end - begin) / loader.min_scene)))
        if loader.sampling == "uniform":
            yield from sampling.uniform(begin, end, count, shown)
        elif loader.sampling == "kmeans":
            seen = sampling.samples(_until(frames.since(begin), end), begin)
            yield from sampling.clustered(seen, end, count, loader.min_scene, loader.seed, shown)
        else:
            shortest = max(loader.min_scene, PART_SECONDS / loader.frames if loader.frames else 0.0)
            if loader.decode == "key":
                frames.passing(begin, end, loader.max_scene)
            within = _until(frames.since(begin), end)
            yield from scenes(within, end, shortest, max(loader.max_scene, shortest))

    def _keyframe(self, scene: Scene, streams: Streams, kept: list[_Kept], warnings: list[Notice]) -> Element:
        """The element of a scene; a picture that this part has shown before is neither stored nor read again."""
        span = TimeSpan(round(scene.start, 3), round(max(scene.end, scene.start + 0.001), 3))
        loader = self._loader
        reads = loader.recogniser is not None and bool(loader.recogniser.fingerprint)
        media, words = None, ""
        if (loader.assets is not None or reads) and streams.video is not None and not scene.signature.black:
            image = as_seen(scene.frame, streams.video, loader.max_side)
            fine = detail(image)
            known = next((one for one in kept if indistinguishable(one.fine, fine)), None)
            if known is not None:
                media = known.media
            else:
                if loader.assets is not None:
                    name = combined("frame", self._source.digest, round(scene.at * 1000), loader.max_side, FRAMES)
                    media = pixels.kept(image, name, "JPEG", loader.assets)
                if reads and len(kept) == MOST_READ:
                    told = f"the words on frames are read up to here: more than {MOST_READ} pictures in two minutes"
                    warnings.append(Notice(told, span))
                elif reads and len(kept) < MOST_READ:
                    words = self._words(image, span, warnings)
                kept.append(_Kept(fine, media))
        return _element(self._source, "keyframe", "image", span, words, media)

    def _words(self, image: Pillow.Image, span: TimeSpan, warnings: list[Notice]) -> str:
        """What is written on a frame."""
        if self._loader.recogniser is None:
            return ""
        try:
            found = read(image, self._loader.recogniser)
        except Exception as error:  # the frame is still there to be seen
            why = " ".join(str(error).split())[:160] or type(error).__name__
            warnings.append(Notice(f"its words could not be recognised ({why})", span))
            return ""
        return found.text or "\n".join(block.text for block in found.blocks)

    # --- words --------------------------------------------------------------------------------------

    def _cues(self, number: int, begin: float, end: float, last: bool, warnings: list[Notice]) -> list[Cue]:
        if self._transcriber is not None:
            cues = self._heard(number, begin, end, last, warnings)
        else:
            ours = (min(int(cue.start // PART_SECONDS), self._count - 1) for cue in self._survey.cues)
            cues = [cue for cue, part in zip(self._survey.cues, ours, strict=True) if part == number]
            if number == 0 and not self._survey.cues and self._survey.sound_end > 0:
                warnings.append(Notice("what is said in it is not read: no transcriber is configured"))
        return fewer(cues, PART_CUES)

    def _spoken(self, cue: Cue) -> Element:
        span = TimeSpan(round(cue.start, 3), round(max(cue.end, cue.start + 0.001), 3))
        return _element(self._source, "speech", "text", span, cue.text)

    def _heard(self, number: int, begin: float, end: float, last: bool, warnings: list[Notice]) -> list[Cue]:
        """What the transcriber hears in a part."""
        if begin >= self._survey.sound_end or self._transcriber is None:
            return []
        with container(self._source, self._loader.max_bytes) as open_:
            audio = chosen(open_).audio
            if audio is None:
                return []
            first, sound = piece(open_, audio, self._survey, self._source, begin, end, last)
        # Where it is not installed that is told in the first part, be there something to hear or not.
        if sound is None and not (number == 0 and getattr(self._transcriber, "fingerprint", None) == ""):
            return []
        try:
            heard = self._transcriber.transcribe([sound or wav([0] * 1600)])[0]
        except MissingExtra as missing:
            if number == 0:
                warnings.append(Notice(f"what is said in it is not read: {missing}"))
            self._transcriber = None
            self._survey.cues = []
            return []
        timed = [(first + start, first + max(stop, start + 0.01), text.strip()) for start, stop, text in heard]
        spoken = sorted(one for one in timed if one[2])
        said, garbage = without(spoken, self._loader.max_compression, self._loader.min_unique)
        if garbage:
            place = TimeSpan(round(garbage[0][0], 3), round(max(one[1] for one in garbage), 3))
            warnings.append(Notice(f"{len(garbage)} repetitions heard where nobody speaks are left out", place))
        return [Cue(*one) for one in said]


def _until(frames: Iterator[Any], end: float) -> Iterator[Any]:
    for at, frame in frames:
        if at >= end:
            return
        yield at, frame


def _together(frames: Sequence[Element], said: Sequence[Element]) -> Iterator[Element]:
    """Each key frame, then what is said while it is shown: words go where most of them are said."""
    spans = [_span(one) for one in frames]
    behind: list[list[Element]] = [[] for _ in frames]
    for one in said:
        span = _span(one)
        if not spans:
            yield one
            continue
        # Words outside all scenes belong to the nearest.
        behind[max(range(len(spans)), key=lambda at: (_shared(span, spans[at]), -at))].append(one)
    for frame, words in zip(frames, behind, strict=True):
        yield frame
        yield from words


def _span(element: Element) -> TimeSpan:
    place = element.origin.places[0]
    return place if isinstance(place, TimeSpan) else TimeSpan(0.0, 0.0)


def _shared(one: TimeSpan, other: TimeSpan) -> float:
    """Seconds in both; below 0 the gap between them."""
    return min(one.end, other.end) - max(one.start, other.start)


def _element(
    source: Source, role: Role, modality: Modality, span: TimeSpan, text: str, media: Media | None = None
) -> Element:
    return Element("", modality, role, Origin(source, (span,)), text, media=media)
