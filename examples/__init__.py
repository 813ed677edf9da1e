"""The sample corpus of `rag demo`, its questions, and their notices. Data alone: see NOTICE.md."""
