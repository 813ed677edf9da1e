"""Crawling: from one address to the pages of its site, politely and within limits."""
