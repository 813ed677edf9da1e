"""Loaders turn a source into parts; chunkers turn parts into chunks. See COMPONENTS."""

if __name__ != "rag.loaders":
    raise ImportError("import rag.loaders: a plain `import loaders` makes a second copy of every class")

COMPONENTS: dict[str, str] = {
    "pdf": "pdf:PDF",
    "html": "html:HTML",
    "image": "image:Image",
    "svg": "svg:SVG",
    "video": "video:Video",
    "audio": "audio:Audio",
    "archive": "archive:Archive",
    "attachments": "pdf.attached:Attachments",
    "docx": "office.docx:DOCX",
    "pptx": "office.pptx:PPTX",
    "xlsx": "office.xlsx:XLSX",
    "epub": "office.epub:EPUB",
    "mail": "mail:Mail",
    "outlook": "outlook:Outlook",
    "notebook": "notebook:Notebook",
    "unstructured": "office.general:Unstructured",
    "mhtml": "mhtml:MHTML",
    "warc": "warc:WARC",
    "text": "text:Text",
    "markdown": "markdown:Markdown",
    "speech/faster_whisper": "speech.faster_whisper:FasterWhisper",
    "ocr/auto": "ocr.auto:Auto",
    "ocr/rapidocr": "ocr.rapidocr:RapidOCR",
    "ocr/tesseract": "ocr.tesseract:Tesseract",
    "chunking/structure": "chunking.structure:Structure",
}
