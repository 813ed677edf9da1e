"""Pipelines join the parts: ingest, search, ask, and the commands of `rag`."""

if __name__ != "rag.pipelines":
    raise ImportError("import rag.pipelines: a plain `import pipelines` makes a second copy of every class")

COMPONENTS: dict[str, str] = {
    "ingest": "ingest:Ingest",
    "ingest_options": "ingest_options:Options",
    "crawl": "crawl.rules:Crawl",
    "rendering": "browser:Rendering",
    "search": "search:Search",
    "ask": "ask:Ask",
    "serve_worker": "workers:serve",
    "render": "rendering:render",
    "limits": "workers:Limits",
    "check": "maintain:check",
    "hubs": "maintain:hubs",
    "sweep": "maintain:sweep",
    "reindex": "maintain:reindex",
    "commands/add": "commands.add:Add",
    "commands/ask": "commands.ask:Ask",
    "commands/search": "commands.search:Search",
    "commands/list": "commands.list:List",
    "commands/show": "commands.show:Show",
    "commands/remove": "commands.remove:Remove",
    "commands/label": "commands.label:Label",
    "commands/check": "commands.check:Check",
    "commands/reindex": "commands.reindex:Reindex",
    "commands/gc": "commands.gc:GC",
    "commands/describe": "commands.describe:Describe",
    "commands/components": "commands.components:Components",
    "commands/init": "commands.init:Init",
    "commands/doctor": "commands.doctor:Doctor",
    "commands/demo": "commands.demo:Demo",
    "commands/evaluate": "commands.evaluate:Evaluate",
    "commands/serve": "commands.serve:Serve",
    "serve": "serve.app:application",
}
