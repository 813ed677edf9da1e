"""Compressors narrow the evidence to the parts that matter; they write nothing new."""
