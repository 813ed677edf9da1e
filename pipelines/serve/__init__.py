"""Servers over a corpus; `rag serve` starts one."""
