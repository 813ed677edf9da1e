"""`rag check`: does the corpus hold together?"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .options import corpus_arguments, opened, print_json


class Check:
    help = "check that catalog, indexes, pictures and linked files agree"
    description = (
        "Check the catalog, the derived indexes, the pictures and the linked files. --repair builds indexes\n"
        "anew from the catalog, finishes what a kill left, and migrates an older schema."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        corpus_arguments(parser)
        parser.add_argument("--repair", action="store_true", help="mend what can be mended")

    def run(self, options: Namespace) -> int:
        from rag.registry import load
        from rag.store.store import Store

        check = load("pipelines/check")
        if options.repair:
            Store.migrate(options.corpus)
        store = opened(options).store
        problems = check(store, repair=options.repair)
        left = [one for one in problems if not one.repaired]
        hubs = load("pipelines/hubs")(store) if not left else {}
        if options.json:
            listed = [{"what": one.what, "remedy": one.remedy, "repaired": one.repaired} for one in problems]
            print_json({"ok": not left, "problems": listed, "hubs": hubs})
        else:
            for one in problems:
                print(f"{'repaired' if one.repaired else 'problem '}  {one.what}; {one.remedy}")
            for name, value in hubs.items():
                print(f"hubs among the vectors of {name}: skewness {value} (about 0 without hubs)")
            print("the corpus holds together" if not left else f"{len(left)} left")
        return 1 if left else 0
