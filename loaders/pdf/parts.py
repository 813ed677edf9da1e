"""The parts of a PDF: its pages in stretches, their elements numbered and placed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from rag.document import WHOLE, Box, Element, Head, Notice, Origin, Page, PageRegion, Part, Place, Source
from rag.identity import element_id
from rag.protocols import Assets, PageCallback, Recogniser
from rag.ranges import Ranges, within

from . import attachments, colours, layout, scan
from .annotations import Remark
from .beneath import hide, is_behind, is_looked_at, says_other
from .continued import joined, last_table, passed
from .damage import agrees, damaged
from .document import Options, Outline, Style
from .engine import OpenDocument
from .figures import stored
from .hidden import runs
from .inks import usual
from .links import attach
from .mentions import Mentions
from .notes import tied
from .numbers import printed
from .page import Found, PageFound, analysed
from .render import short
from .running import Edge, running
from .text import Reader, Rect
from .textless import needs_reading


@dataclass(slots=True)
class Reading:
    """A document being read: what its parts share, and the sections and pictures met so far.

    `most` pages of a part. `recogniser` reads pages that are pictures, `labeller` pictures among text.
    """

    source: Source
    document: OpenDocument
    reader: Reader
    style: Style
    above: Outline
    options: Options
    most: int
    assets: Assets | None = None
    recogniser: Recogniser | None = None
    labeller: Recogniser | None = None
    wanted: Ranges = ()
    progress: PageCallback | None = None
    mentions: Mentions = field(default_factory=Mentions)
    sections: list[tuple[int, str]] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    behind: int = 0
    """Pages met whose text layer lies behind a picture."""
    unchecked: list[int] = field(default_factory=list)
    ahead: dict[int, PageFound] = field(default_factory=dict)
    """Pages that were looked at for the rest of the part before, without the tables that it took."""

    def end(self, first: int) -> int:
        """Where the part that begins with page `first` ends."""
        if self.recogniser is None:
            return min(first + self.most, self.reader.count)
        return scan.last_page(self.reader, first, self.most, self.options)

    def part(self, number: int, first: int, last: int, about: Head, *, kept: bool) -> Part:
        """The pages [first, last), counted from 0; `kept` says whether anybody wants more than its headings."""
        asked = [index for index in range(first, last) if within(index + 1, self.wanted)]
        edges = running(self.reader, first, last, self.style.body) if asked else {}
        numbers = printed(self.reader, edges)
        elements: list[Element] = []
        pages: list[Page] = []
        notices: list[Notice] = []
        pictures = {index for index in asked if self._is_picture(index)}
        pictures |= self._untrue([one for one in asked if one not in pictures], notices)
        scans = self._scanned(sorted(pictures), notices) if kept else {}
        edges |= scan.edges(scans, first, last)
        if number == 0:
            notices += attachments.notices(self.document)
        if number == 0 and self.document.repaired:
            notices.append(Notice("the file is damaged and was repaired; some of it may be missing"))
        for index in asked:
            self.reader.at(index)
            text = self.reader[index]
            label = text.label or numbers.get(index, "")
            pages.append(Page(index + 1, label, round(text.width, 2), round(text.height, 2)))
            sections = list(self.sections)
            try:
                found = self.ahead.pop(index, None) or self._page(index, edges[index], scans.get(index))
                if kept and self.labeller and index not in pictures:
                    notices += self._label(index, found)
                notices += self._link(index, found)
                remarks = self._remarks(index, notices)
                body = usual(scans[index].text.lines) if index in scans else self.style.colour
                colours.attach(found.elements, remarks, body, partial(self._region, index))
                made: list[Element] = []
                for item in found.elements:
                    id = element_id(self.source.digest, number, len(elements) + len(made))
                    made.append(self._element(item, index, id, self.assets if kept else None))
                elements += tied(found.elements, made)
            except Exception as error:  # libraries raise many kinds for a damaged page
                notices.append(_notice(index, f"cannot be read ({short(error)}); the other pages were"))
                continue
            finally:
                self._tell(index)
                if index in pictures:  # else a resumed run would have to recognise it again
                    self.sections = sections
            notices += [_notice(index, message) for message in found.notices]
            for item, notice in self._beside(index, remarks):
                id = element_id(self.source.digest, number, len(elements))
                elements.append(self._element(item, index, id, None))
                notices += [notice] if notice else []
            if self.recogniser is None:
                if found.unread:
                    self.unread.append(index + 1)
                if damaged(text):
                    self.damaged.append(index + 1)
                elif self._is_behind(index):
                    self.unchecked.append(index + 1)
        if last == self.document.page_count:
            notices += self._untold(last)
        elements = self._finished(joined(elements), last, pictures)
        # A resumed run does not recognise pages again, so it cannot know the ids of what follows them.
        unsure = frozenset(range(min(pictures) + 1, last + 1)) if pictures else frozenset()
        elements = self.mentions.joined(elements, unsure)
        return Part(number, about, tuple(elements), tuple(pages), tuple(notices))

    def _finished(self, elements: list[Element], last: int, pictures: set[int]) -> list[Element]:
        """The elements of a part, its last table with what continues it on the pages of the next part.

        Those pages are kept for the next part as they were found, without what was taken. Recognised pages
        are left out: a resumed run does not read them again.
        """
        at = last_table(elements)
        on = {one.page for one in elements[at].origin.places if isinstance(one, PageRegion)} if at >= 0 else set()
        if last not in on or any(page - 1 in pictures for page in on):
            return elements
        edges: dict[int, dict[int, Edge]] = {}
        for index in range(last, min(last + self.most, self.reader.count)):
            if not within(index + 1, self.wanted) or self._is_picture(index) or self._is_behind(index):
                break
            try:
                edges = edges or running(self.reader, last, self.end(last), self.style.body)
                found = self._page(index, edges[index], None)
            except Exception:  # told where the page is read
                break
            self.ahead[index] = found
            text = [one for one in found.elements if not passed(one.role)]
            if not text or text[0].role != "table":
                break
            colours.attach(text[:1], (), self.style.colour, partial(self._region, index))
            pair = joined([elements[at], self._element(text[0], index, "", None)])
            if len(pair) > 1:
                break
            elements[at] = pair[0]
            found.elements.remove(text[0])
            if len(text) > 1:
                break
        return elements

    def _tell(self, index: int) -> None:
        if self.progress is not None:
            self.progress(index + 1, self.document.page_count)

    def _untold(self, pages: int) -> list[Notice]:
        """What the last part says of pages that nobody read."""
        notices = []
        if self.unread:
            notices.append(_told(self.unread, pages, "is a picture", "are pictures", "without words to search"))
        if self.damaged:
            what = "text of characters that mean nothing"
            notices.append(_told(self.damaged, pages, "has", "have", what))
        if self.unchecked:
            one, many = "is a picture with a text layer", "are pictures with text layers"
            notices.append(_told(self.unchecked, pages, one, many, "whose words were not compared with what is seen"))
        return notices

    def _link(self, index: int, found: PageFound) -> list[Notice]:
        try:
            attach(self.document[index], found.elements)
        except Exception as error:  # the words are still there to be read
            return [_notice(index, f"has links that cannot be read ({short(error)})")]
        return []

    def _region(self, index: int, box: Rect) -> PageRegion:
        text = self.reader[index]
        return PageRegion(index + 1, _box(box, text.width, text.height))

    def _remarks(self, index: int, notices: list[Notice]) -> list[Remark]:
        try:
            return self.document[index].remarks()
        except Exception as error:  # libraries raise many kinds for damaged ones
            notices.append(_notice(index, f"has remarks or fields that cannot be read ({short(error)})"))
            return []

    def _beside(self, index: int, remarks: Sequence[Remark]) -> Iterator[tuple[Found, Notice | None]]:
        """What stands on a page and is no part of its running text, with what the report should say of it."""
        for why, box, words in runs(self.reader[index].lines):
            region = self._region(index, box)
            told = " ".join(words.split())
            message = f"page {index + 1} has text that no reader sees, {why}: {told[:80]!r}; it is kept apart"
            yield Found("text", "hidden", box, words), Notice(message, region)
        for one in remarks:
            notice = None
            if one.role == "hidden":
                region = self._region(index, one.box)
                notice = Notice(f"page {index + 1} has a remark or field that is not shown; it is kept apart", region)
            yield Found("text", one.role, one.box, one.text), notice

    def _is_picture(self, index: int) -> bool:
        text = self.reader[index]
        if self.recogniser is None or text.failed:
            return False
        try:
            return needs_reading(self.document[index], text, self.options)
        except Exception:  # what is damaged is told when the page is read
            return False

    def _is_behind(self, index: int) -> bool:
        text = self.reader[index]
        try:
            return not text.failed and is_behind(self.document[index], text)
        except Exception:  # what is damaged is told when the page is read
            return False

    def _untrue(self, pages: Sequence[int], notices: list[Notice]) -> set[int]:
        """Those of some pages that have a layer behind a picture that says other words; its lines are hidden.

        Some are looked at, and all of the part where one of them is untrue; also by a resumed run.
        """
        if self.recogniser is None:
            return set()
        behind = [index for index in pages if self._is_behind(index)]
        first, self.behind = self.behind, self.behind + len(behind)
        told = {index: self._says_other(index, notices) for at, index in enumerate(behind, first) if is_looked_at(at)}
        if any(told.values()):
            told |= {index: self._says_other(index, notices) for index in behind if index not in told}
        untrue = {index for index, other in told.items() if other}
        for index in untrue:
            hide(self.reader[index].lines)
        return untrue

    def _says_other(self, index: int, notices: list[Notice]) -> bool:
        self.reader.at(index)
        try:
            return self.recogniser is not None and says_other(self.document[index], self.reader[index], self.recogniser)
        except Exception as error:  # the layer is still there to be read
            notices.append(_notice(index, f"has a text layer that could not be compared with it ({short(error)})"))
            return False

    def _scanned(self, pictures: Sequence[int], notices: list[Notice]) -> dict[int, scan.Scan]:
        scans: dict[int, scan.Scan] = {}
        for index in pictures:
            self.reader.at(index)
            try:
                if self.recogniser is not None:
                    found = scan.scanned(self.document[index], self.reader[index], self.recogniser)
                    if not (
                        damaged(self.reader[index]) and (not found.found or agrees(self.reader[index], found.text))
                    ):
                        scans[index] = found
                self._tell(index)
            except Exception as error:  # the page is still there to be seen
                notices.append(_notice(index, f"could not be read from its pixels ({short(error)})"))
        return scans

    def _label(self, index: int, found: PageFound) -> list[Notice]:
        try:
            if self.labeller is not None:
                scan.label(self.document[index], found.elements, self.reader[index], self.labeller)
        except Exception as error:
            return [_notice(index, f"has pictures whose words could not be recognised ({short(error)})")]
        return []

    def _page(self, index: int, edges: dict[int, Edge], read: scan.Scan | None) -> PageFound:
        text = self.reader[index]
        if text.failed:
            raise ValueError(text.failed)
        if not (0 < text.width < 1e6 and 0 < text.height < 1e6):
            raise ValueError(f"its size of {text.width} x {text.height} points is impossible")
        if read is not None:
            return scan.read(self.document[index], read, edges, self.above, self.options)
        page = self.document[index]
        if self.options.layout == "model" and (regions := layout.regions(page)):
            return layout.laid_out(page, regions, text, edges, self.style, self.above, self.options)
        return analysed(page, text, edges, self.style, self.above, self.options)

    def _element(self, found: Found, index: int, id: str, assets: Assets | None) -> Element:
        region = self._region(index, found.box)
        places: tuple[Place, ...] = (region,)
        if found.caption_box:
            places = (region, self._region(index, found.caption_box))
        media = None
        if found.figure is not None and assets is not None:
            media = stored(self.document[index], found.figure, region, self.source, self.options, assets)
        if found.role == "heading":
            self.sections = [(level, title) for level, title in self.sections if level < found.level]
        open_titles = tuple(title for _, title in self.sections)
        if found.role == "heading":
            self.sections.append((found.level, found.text))
        return Element(
            id=id,
            modality=found.modality,
            role=found.role,
            origin=Origin(self.source, places),
            text=found.text,
            caption=found.caption,
            media=media,
            headings=open_titles,
            level=found.level if found.role == "heading" else 0,
            cells=found.cells,
            words=found.words,
            links=found.links,
            coloured=found.coloured,
        )


def _box(rect: Rect, width: float, height: float) -> Box:
    """Points to fractions of the page as shown; what reaches over its edge is cut off there."""
    left, right = sorted((rect[0] / width, rect[2] / width))
    top, bottom = sorted((rect[1] / height, rect[3] / height))
    return Box(left, top, right, bottom)


def _notice(index: int, message: str) -> Notice:
    return Notice(f"page {index + 1} {message}", PageRegion(index + 1, WHOLE))


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _told(numbers: list[int], pages: int, of_one: str, of_many: str, what: str) -> Notice:
    runs = [str(first) if first == last else f"{first}-{last}" for first, last in _runs(numbers)]
    listed = ", ".join([*runs[:8], "..."] if len(runs) > 8 else runs)
    told = f"page {listed} {of_one}"
    if len(numbers) > 1:
        told = f"{len(numbers)} of {pages} pages ({listed}) {of_many}"
    engines = "pip install 'argus-rag[ocr]', or Debian's tesseract-ocr,"
    return Notice(f"{told} {what}; {engines} would read them", PageRegion(numbers[0], WHOLE))
