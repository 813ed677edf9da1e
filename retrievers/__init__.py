"""Retrievers find chunks; encoders, indexes, rerankers and selectors are their parts."""

if __name__ != "rag.retrievers":
    raise ImportError("import rag.retrievers: a plain `import retrievers` makes a second copy of every class")

COMPONENTS: dict[str, str] = {
    "dense": "dense:Dense",
    "lexical": "lexical:Lexical",
    "fused": "fused:Fused",
    "diverse": "diverse:Diverse",
    "neighbours": "neighbours:Neighbours",
    "paged": "paged:Paged",
    "encoders/minilm": "encoders.minilm:MiniLM",
    "encoders/visrag": "encoders.visrag:VisRAG",
    "indexes/chroma": "indexes.chroma:Chroma",
    "indexes/exact": "indexes.exact:Exact",
    "indexes/tantivy": "indexes.tantivy:Tantivy",
    "compressors/focus": "compressors.focus:Focus",
    "cutoffs/all_of": "cutoffs:all_of",
    "cutoffs/budget": "cutoffs:budget",
    "cutoffs/fixed": "cutoffs:fixed",
    "cutoffs/gap": "cutoffs:gap",
    "cutoffs/mass": "cutoffs:mass",
    "cutoffs/threshold": "cutoffs:threshold",
    "cutoffs/up_to_k": "cutoffs:up_to_k",
    "reranked": "rerankers.ordering:Reranked",
    "rerankers/chain": "rerankers.chain:Chain",
    "rerankers/cross_encoder": "rerankers.cross_encoder:CrossEncoder",
    "rerankers/diversity": "rerankers.diversity:Diversity",
    "rerankers/features": "rerankers.features:Features",
    "rerankers/relevancy": "rerankers.relevancy:Relevancy",
    "rerankers/sections": "rerankers.sections:Sections",
    "rerankers/stage": "rerankers.chain:Stage",
    "rerankers/votes": "rerankers.votes:Votes",
    "rerankers/yes_no": "rerankers.yes_no:YesNo",
    "selectors/adaptive": "selectors.adaptive:Adaptive",
    "selectors/calibrated": "selectors.calibrated:Calibrated",
    "selectors/top": "selectors.top:Top",
}
