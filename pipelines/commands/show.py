"""`rag show`: open a piece of evidence."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import elements
from .crawling import browser_arguments
from .options import corpus_arguments, opened, print_json, tell


class Show:
    help = "show a chunk: its text, and its place on the page as a picture"
    description = (
        "Show a chunk by its id, or the first digits of it. For a place on a page or in a picture a PNG is\n"
        "written: the region by itself, or with --page the whole page with a frame around it.\n"
        "With --elements, what was read of a SOURCE: each element of a page with its place, in reading order, and\n"
        "a PNG of the page with their boxes drawn. A web page is drawn by Chromium (extra browser), without a\n"
        "network, in sheets of 3000 pixels, which --page numbers; of other sources there is the list alone.\n"
        "  rag show --elements report.pdf --page 3 --out page.png"
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "id", nargs="?", metavar="ID", help="a chunk id, or the start of one; with --elements a source"
        )
        corpus_arguments(parser)
        parser.add_argument(
            "--colour", metavar="NAME", help="only what is of that colour in it, or highlighted, with its own place"
        )
        parser.add_argument("--out", metavar="FILE", help="where to write the picture (default: ID.png here)")
        parser.add_argument("--elements", action="store_true", help="what was read of a source, not a chunk")
        parser.add_argument(
            "--page", nargs="?", const="", metavar="N",
            help="the whole page with its boxes drawn; with --elements which page (default: 1)",
        )  # fmt: skip
        parser.add_argument("--dpi", type=int, default=144, help="resolution of the picture (default: 144)")
        browser_arguments(parser)
        parser.add_argument("--around", type=int, default=0, metavar="N", help="also show N neighbours on each side")

    def run(self, options: Namespace) -> int:
        from rag import contract
        from rag.errors import SourceError
        from rag.outstanding import said

        if not 10 <= options.dpi <= 1200:
            raise ValueError("--dpi must be from 10 to 1200")
        if options.id is None:  # `--page` stood before it
            options.id, options.page = options.page, ""
        if not options.id:
            raise ValueError("name a chunk by its id, or with --elements a source; see: rag show --help")
        if options.elements:
            return elements.told(options)
        if options.page and options.elements is False:
            raise ValueError(f"--page takes a number with --elements alone, got {options.page!r}")
        corpus = opened(options)
        found = corpus.show(options.id)
        found = found.looking(options.colour) if options.colour else found
        chunk = found.chunk
        around = corpus.neighbours(chunk, options.around, options.around) if options.around else []
        picture, why = None, None
        if found.page is not None or chunk.media is not None or chunk.modality == "video":
            try:
                data = found.image(options.dpi, page=options.page is not None)
                picture = Path(options.out or f"{chunk.id[:12]}.png")
                picture.write_bytes(data)
            except SourceError as error:
                why = str(error)
            except OSError as error:
                raise ValueError(f"cannot write {picture}: {error.strerror}; name another with --out") from error
        elif options.out:
            why = "it lies on no page; a web page is drawn by: rag show --elements SOURCE --out FILE"
        if options.json:
            told = contract.hit(found.hit, 1, found.label)
            for key in ("rank", "score", "parts"):
                told.pop(key)
            told["picture"] = str(picture) if picture else None
            told["picture_error"] = why
            told["neighbours"] = [{"chunk_id": one.id, "text": one.text} for one in around]
            print_json(told)
            return 0
        print(f"{chunk.modality} {chunk.id}")
        for place in found.places:
            label = found.label if place == found.places[0] else ""
            print(f"  {contract.where_it_lies(place, found.source, label)}")
        if chunk.headings:
            print(f"  {contract.visible(' > '.join(chunk.headings))}")
        print(f"\n{_lines(chunk.text) or '(no text)'}")
        if chunk.summary:
            print(f"\n{contract.described(chunk.summary)}")
        for run in () if options.colour else chunk.coloured:
            print(f"\n{contract.looks(run)}: {contract.visible(said(chunk, run))}")
            for place in run.places:
                print(f"  {contract.where_it_lies(place, found.source)}")
        for mention in chunk.mentions:
            print(f"\nmentioned: {contract.visible(mention.text)}")
            print(f"  {contract.where_it_lies(mention.place, found.source)}")
        for one in around:
            print(f"\n--- {one.id[:12]}\n{_lines(one.text)}")
        if picture:
            tell(f"\npicture: {picture}")
        elif why:
            tell(f"\nno picture: {why}")
        return 0


def _lines(text: str) -> str:
    """A text with its line breaks, its other control characters spelt out."""
    from rag.contract import visible

    return "\n".join(visible(line) for line in text.expandtabs(4).splitlines())
