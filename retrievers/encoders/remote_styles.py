"""How the embedding endpoints of several makers are asked, and where their answers hold the vectors.

As their documentation stood in 2026: OpenAI `embeddings` (words; pictures as vLLM takes them, a message a
request), Jina `embeddings` (words or a picture an input), Voyage `multimodalembeddings` and Cohere v2
`embed` (words and pictures in one input).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Part = tuple[str, str]
"""("text", words) or ("image", data URL)."""
Input = Sequence[Part]


@dataclass(frozen=True, slots=True)
class Style:
    """`path` under the base address; `body` of a request for inputs, of questions or not; `found` in its answer.

    `joint` inputs may hold words and pictures; others one part, and their vectors are added up.
    `alone` pictures go one a request.
    """

    path: str
    body: Callable[[str, Sequence[Input], bool], dict[str, Any]]
    found: Callable[[Mapping[str, Any]], Sequence[Any]]
    joint: bool
    alone: bool = False


def _openai(model: str, inputs: Sequence[Input], asking: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "encoding_format": "float"}
    if all(kind == "text" for one in inputs for kind, _ in one):
        return {**body, "input": [value for one in inputs for _, value in one]}
    content = [
        {"type": "text", "text": value} if kind == "text" else {"type": "image_url", "image_url": {"url": value}}
        for one in inputs for kind, value in one
    ]  # fmt: skip
    return {**body, "messages": [{"role": "user", "content": content}]}


def _jina(model: str, inputs: Sequence[Input], asking: bool) -> dict[str, Any]:
    task = "retrieval.query" if asking else "retrieval.passage"
    given = [{kind: value.partition(",")[2] if kind == "image" else value} for one in inputs for kind, value in one]
    return {"model": model, "task": task, "normalized": True, "input": given}


def _voyage(model: str, inputs: Sequence[Input], asking: bool) -> dict[str, Any]:
    content = [
        [
            {"type": "text", "text": value} if kind == "text" else {"type": "image_base64", "image_base64": value}
            for kind, value in one
        ]
        for one in inputs
    ]
    kind = "query" if asking else "document"
    return {"model": model, "input_type": kind, "inputs": [{"content": one} for one in content]}


def _cohere(model: str, inputs: Sequence[Input], asking: bool) -> dict[str, Any]:
    content = [
        [
            {"type": "text", "text": value} if kind == "text" else {"type": "image_url", "image_url": {"url": value}}
            for kind, value in one
        ]
        for one in inputs
    ]
    kind = "search_query" if asking else "search_document"
    given = [{"content": one} for one in content]
    return {"model": model, "input_type": kind, "embedding_types": ["float"], "inputs": given}


def _listed(answer: Mapping[str, Any]) -> Sequence[Any]:
    """OpenAI's list, put in order by its own numbers."""
    told = answer["data"]
    return [one["embedding"] for one in sorted(told, key=lambda one: int(one["index"]))]


def _floats(answer: Mapping[str, Any]) -> Sequence[Any]:
    found: Sequence[Any] = answer["embeddings"]["float"]
    return found


STYLES: dict[str, Style] = {
    "openai": Style("embeddings", _openai, _listed, joint=True, alone=True),
    "jina": Style("embeddings", _jina, _listed, joint=False),
    "voyage": Style("multimodalembeddings", _voyage, _listed, joint=True),
    "cohere": Style("embed", _cohere, _floats, joint=True),
}
