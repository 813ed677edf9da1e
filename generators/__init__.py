"""Generators write the answer."""

if __name__ != "rag.generators":
    raise ImportError("import rag.generators: a plain `import generators` makes a second copy of every class")

COMPONENTS: dict[str, str] = {
    "captioners/openai": "captioners.openai:OpenAICaptioner",
    "captioners/vlm": "captioners.vlm:VLMCaptioner",
    "openai": "openai:OpenAI",
    "quote": "quote:Quote",
    "vlm": "vlm:VLM",
}
