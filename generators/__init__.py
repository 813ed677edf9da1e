"""Generators write the answer."""

if __name__ != "rag.generators":
    raise ImportError("import rag.generators: a plain `import generators` makes a second copy of every class")

COMPONENTS: dict[str, str] = {
    "quote": "quote:Quote",
}
