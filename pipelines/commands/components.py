"""`rag components`: what pipelines are made of."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .options import print_json


class Components:
    help = "list the components that settings can name"
    description = "List the components, built in and from other packages, with what each takes."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", nargs="?", default="", help="only those under this name, such as retrievers")
        parser.add_argument("--json", action="store_true", help="print JSON for other programs")

    def run(self, options: Namespace) -> int:
        import inspect

        from rag import registry
        from rag.config import SERVICES

        for name in registry.names(options.kind.rstrip("/")):
            if name.startswith("pipelines/"):
                continue
            component = registry.load(name)
            parameters = {
                key: "" if one.default is one.empty else repr(one.default)
                for key, one in inspect.signature(component).parameters.items()
                if key not in SERVICES
            }
            told = (inspect.getdoc(component) or "").split("\n\n")[0].replace("\n", " ")
            if options.json:
                print_json({"name": name, "takes": parameters, "description": told})
                continue
            print(name)
            print(f"    {told}")
            if parameters:
                print("    " + ", ".join(f"{key}={one}" if one else key for key, one in parameters.items()))
        return 0
