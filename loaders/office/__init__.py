"""Office documents and books: zip packages of XML, each format a loader of its own."""
