"""`rag serve`: an OpenAI-compatible endpoint over a corpus."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from .options import profile_argument, tell

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Serve:
    help = "answer over HTTP, as an OpenAI-compatible endpoint"
    description = (
        "Serve the corpus to chat programs: /v1/models and /v1/chat/completions, streaming and not, model 'argus'.\n"
        "Only this machine is served, unless --host says otherwise; other machines need a key.\n"
        "  rag serve --port 8000 --where label.team=sales\n"
        "  RAG_KEY=... rag serve --host 0.0.0.0 --name docs.example.org"
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--corpus", metavar="DIR", default=".rag", help="the corpus folder (default: ./.rag)")
        profile_argument(parser)
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="the port (default: 8000)")
        parser.add_argument(
            "--name",
            action="append",
            default=[],
            help="a host name that callers use; repeatable (default: this machine)",
        )
        parser.add_argument(
            "--key-env", metavar="VARIABLE", default="RAG_KEY",
            help="the environment variable that holds the key which callers must send (default: RAG_KEY)",
        )  # fmt: skip
        parser.add_argument(
            "--where", metavar="KEY=VALUE", action="append", default=[], help="serve only this part of the corpus"
        )

    def run(self, options: Namespace) -> int:
        from rag.corpus import Corpus
        from rag.extras import extra
        from rag.filters import where

        from ..serve.app import application

        key = os.environ.get(options.key_env, "")
        if options.host not in LOOPBACK and not key:
            raise ValueError(f"--host {options.host} serves other machines: set a key in {options.key_env} first")
        with extra("serve"):
            import uvicorn
        corpus = Corpus(options.corpus, profile=options.profile).restricted(where(options.where))
        corpus.warm()
        hosts = [*("[::1]" if one == "::1" else one for one in LOOPBACK), options.host, *options.name]
        server = uvicorn.Server(
            uvicorn.Config(application(corpus, key=key, hosts=hosts), host=options.host, port=options.port,
                           log_level="warning", timeout_graceful_shutdown=10, server_header=False)
        )  # fmt: skip
        tell(f"serving {options.corpus} at http://{options.host}:{options.port}/v1, model 'argus'; Ctrl-C stops")
        server.run()
        return 0
