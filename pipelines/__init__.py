"""The room `rag.pipelines`; see COMPONENTS for what is in it."""

if __name__ != "rag.pipelines":
    raise ImportError("import rag.pipelines: a plain `import pipelines` makes a second copy of every class")

COMPONENTS: dict[str, str] = {}
