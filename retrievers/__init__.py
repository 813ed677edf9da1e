"""Retrievers find chunks; encoders, indexes, rerankers and selectors are their parts."""

if __name__ != "rag.retrievers":
    raise ImportError("import rag.retrievers: a plain `import retrievers` makes a second copy of every class")

COMPONENTS: dict[str, str] = {
    "dense": "dense:Dense",
    "lexical": "lexical:Lexical",
    "fused": "fused:Fused",
    "diverse": "diverse:Diverse",
    "moments": "moments:Moments",
    "neighbours": "neighbours:Neighbours",
    "paged": "paged:Paged",
    "expanded": "expanded:Expanded",
    "pointed": "pointed:Pointed",
    "compressors/html_prune": "compressors.html_prune:HtmlPrune",
    "encoders/minilm": "encoders.minilm:MiniLM",
    "encoders/visrag": "encoders.visrag:VisRAG",
    "indexes/chroma": "indexes.chroma:Chroma",
    "indexes/exact": "indexes.exact:Exact",
    "indexes/maxsim": "indexes.maxsim:MaxSim",
    "indexes/qdrant": "indexes.qdrant:Qdrant",
    "indexes/qdrant_tokens": "indexes.qdrant:QdrantTokens",
    "indexes/tantivy": "indexes.tantivy:Tantivy",
    "indexes/unhubbed": "indexes.unhubbed:Unhubbed",
    "selectors/calibrated": "selectors.calibrated:Calibrated",
    "selectors/top": "selectors.top:Top",
}
