"""The documents on which the relevancy features are fitted, and those on which they are reported.

Manuals that Debian distributes, whose licences allow use and copying; they are not part of the repository:

    mkdir debs && cd debs && apt-get download $(python ../benchmarks/relevancy_documents.py)
    for one in *.deb; do dpkg-deb -x $one ../unpacked/${one%%_*}; done

`wordnet-base` is for the synonyms alone. Of each other package some pages are taken: those of middling size, in the
order of the sha256 of their paths, so that the choice is no one's. No package is in both sets, so no document, author
or style is. Each subject is a corpus of its own, so that the words of one are truly absent from another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LEAST_BYTES, MOST_BYTES = 5_000, 60_000
"""Of a page: a stub asks nothing, and a few long ones would be the whole set."""


@dataclass(frozen=True)
class Package:
    """A Debian package, the glob of its documents, how many to take, what allows it, and the corpus it is part of."""

    name: str
    version: str
    pattern: str
    count: int
    licence: str
    corpus: str = "software"
    most_bytes: int = MOST_BYTES


FITTED = (
    Package("octave-doc", "7.3.0-2", "octave/octave.html/*.html", 40, "Octave manual terms: copies with the notice"),
    Package("python3.11-doc", "3.11.2-6+deb12u9", "html/library/*.html", 30, "PSF-2"),
    Package("postgresql-doc-15", "15.20-0+deb12u1", "**/html/*.html", 40, "PostgreSQL"),
    Package("apache2-doc", "2.4.71-1~deb12u1", "**/manual/en/**/*.html", 25, "Apache-2.0"),
    Package("gimp-help-en", "2.10.34-2", "**/help/en/*.html", 40, "GFDL-1.2+ without invariant sections"),
    Package("r-doc-pdf", "4.2.2.20221110-2", "**/R-data.pdf", 1, "GPL-2"),
    Package("gnucash-docs", "4.13-1", "**/gnucash-guide-en/*.html", 35, "GFDL-1.1+ or GPL-2+", "accounts"),
    Package("lilypond-doc-html", "2.24.1-2", "**/Documentation/learning/*.html", 25, "GFDL-1.3+", "music"),
    Package("lilypond-doc-html", "2.24.1-2", "**/Documentation/essay/*.html", 8, "GFDL-1.3+", "music"),
    Package("anarchism", "15.3-3", "**/html/*.html", 12, "GPL-2", "politics"),
    Package("linuxcnc-doc-en", "2.9.0~pre1+git20230208.f1270d6ed7-1+deb12u2", "**/LinuxCNC_Getting_Started.pdf", 1,
            "GPL-2+, GFDL-1.1+ without invariant sections", "machining"),
    Package("phylip-doc", "1:3.697+dfsg-2", "**/html/doc/*.html", 18, "BSD-2-clause", "evolution"),
    Package("grass-doc", "8.2.1-1", "grass-doc/html/*.html", 30, "GPL-2+", "maps"),
)  # fmt: skip
HELD_OUT = (
    Package("git-doc", "1:2.39.5-0+deb12u3", "**/git-*.html", 40, "GPL-2"),
    Package("sqlite3-doc", "3.40.1-2+deb12u2", "**/*.html", 40, "public domain"),
    Package("debian-handbook", "11.20220922", "**/html/en-US/*.html", 40, "GPL-2+ or CC-BY-SA-3.0+"),
    Package("valgrind", "1:3.19.0-1", "**/html/*.html", 15, "GFDL-1.2"),
    Package("exim4-doc-html", "4.96-1", "**/*.html", 30, "GPL-2+"),
    Package("developers-reference", "12.18", "**/developers-reference.pdf", 1, "GPL-2+"),
    Package("gnumed-doc", "1.8.9+dfsg-1", "**/user-manual/Gnumed/*.html", 40, "CC-BY-SA-3.0", "medicine"),
    Package("csound-doc", "1:6.18.0+dfsg0-1", "csound-doc/html/*.html", 35, "GFDL-1.2+", "sound"),
    Package("python-astropy-doc", "5.2.1-2+deb12u1", "html/[b-z]*/*.html", 25, "BSD-3-Clause", "astronomy"),
    Package("kicad-doc-en", "6.0.11+dfsg-1", "**/help/en/*.html", 3, "GPL-3+", "circuits"),
    Package("lifelines-doc", "3.0.61-3", "**/ll-userguide.html", 1, "MIT", "genealogy", 200_000),
)
"""No subject of these is one of the above, but for programs; questions of one are off the topic of another."""


def corpora(packages: Sequence[Package]) -> dict[str, list[Package]]:
    """The packages of each corpus, by its name."""
    found: dict[str, list[Package]] = {}
    for package in packages:
        found.setdefault(package.corpus, []).append(package)
    return found


def chosen(root: Path, package: Package) -> list[Path]:
    """The documents of an unpacked package, in the order of their names; ValueError where they are not there."""
    folder = root / package.name / "usr"
    found = [path for path in folder.glob(f"**/{package.pattern}") if path.is_file() and not path.is_symlink()]
    if package.pattern.endswith(".pdf"):
        fit = found
    else:
        fit = [path for path in found if LEAST_BYTES <= path.stat().st_size <= package.most_bytes and _own(path)]
    if not fit:
        raise ValueError(f"{folder} holds no {package.pattern}: apt-get download {package.name}, then dpkg-deb -x")
    order = sorted(fit, key=lambda path: hashlib.sha256(path.relative_to(folder).as_posix().encode()).hexdigest())
    return sorted(order[: package.count])


def _own(path: Path) -> bool:
    """Whether a page has text of its own: indexes only point elsewhere."""
    return not path.name.lower().startswith(("genindex", "index", "toc", "ix01", "option", "concept_"))


if __name__ == "__main__":
    print(" ".join(sorted({package.name for package in (*FITTED, *HELD_OUT)} | {"wordnet-base"})))
