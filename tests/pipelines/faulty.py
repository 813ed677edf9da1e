"""A loader that does what its file says: hang, crash, grow, print, or be well. For worker tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rag.document import CharSpan, Element, Head, Origin, Part, Source
from rag.errors import SourceError
from rag.identity import element_id
from rag.protocols import PageCallback


class Faulty:
    """Each line of the file is one part; a line that is an order is obeyed."""

    VERSION = 1
    media_types = ("text/csv",)

    def __init__(self, *, progress: PageCallback | None = None, reading: PageCallback | None = None) -> None:
        self.progress = progress
        self.reading = reading

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        for number, line in enumerate(Path(source.path).read_text().splitlines()):
            if number < start:
                continue
            self._obey(line, source)
            origin = Origin(source, (CharSpan(number, number + 1),))
            text = "words " * 10**6 if line == "flood" else line
            element = Element(element_id(source.digest, number, 0), "text", "paragraph", origin, text)
            yield Part(number, Head("faulty"), (element,))

    def _obey(self, line: str, source: Source) -> None:
        order, _, marker = line.partition(",")
        if order == "pages":  # slow ones, of one part
            for page in range(1, int(marker) + 1):
                time.sleep(0.7)
                assert self.progress is not None
                self.progress(page, int(marker))
        elif order == "hang":
            if marker and self.reading is not None:
                self.reading(int(marker), 9)
            time.sleep(600)
        elif order == "nap":
            time.sleep(float(marker))
        elif order == "program":
            program = subprocess.Popen(["sleep", "600"])
            Path(marker).write_text(str(program.pid))
            program.wait()
        elif order == "crash":
            os.kill(os.getpid(), 11)
        elif order == "crash once" and not Path(marker).exists():
            Path(marker).touch()
            os.kill(os.getpid(), 11)
        elif order == "grow":
            kept = [bytearray(2**20) for _ in range(400)]
            time.sleep(600 + len(kept))
        elif order == "print":
            print("a library talks", flush=True)
            os.write(1, b"even below Python\n")
        elif order == "raise":
            raise ZeroDivisionError("a parser's surprise")
        elif order == "refuse":
            raise SourceError("refused by the loader", source=source.uri, kind="damaged", place="line 2")
        elif order == "exit":
            sys.exit(3)
