"""Pages made by code: each function gives the bytes of a file."""

from __future__ import annotations

import base64

from tests.golden import images

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Rain gauges</title>
<meta name="author" content="A. Weir">
<meta name="description" content="How to read a gauge">
<meta property="article:published_time" content="2024-03-05">
<link rel="canonical" href="https://example.org/gauges">
<style>p {{ color: red }}</style>
<script>document.write("not shown")</script>
</head>
<body>
<header><nav><a href="/">Home</a> <a href="/all">All pages</a></nav></header>
<main>
<h1>Rain gauges <a href="#top">¶</a></h1>
<p>A gauge collects rain in a funnel.<br>It is read every morning.</p>
<!-- a remark -->
Loose words with <b>bold</b> ones stand here.
<h2>Reading</h2>
<ul>
<li>Stand level with the scale.
<ul><li>Not above it.</li></ul></li>
<li>Write down the millimetres.</li>
</ul>
<ol start="3"><li>Empty it.</li><li>Put it back.</li></ol>
<pre>
for day in month:
    total += rain[day]
</pre>
<dl><dt>Funnel</dt><dd>The upper part.</dd>
<dt>read()</dt><dt>read(day)</dt><dd><p>Reads one day.</p><pre>read(3)</pre></dd></dl>
<h3>Monthly totals</h3>
<table>
<caption>Rain in millimetres</caption>
<tr><th>Season</th><th>Month</th><th>Rain</th></tr>
<tr><td rowspan="2">Autumn</td><td>October</td><td>81</td></tr>
<tr><td>November</td><td>96</td></tr>
</table>
<h2>Pictures</h2>
<figure><img src="{picture}" alt="Four fields of colour"><figcaption>Figure 1: the test card</figcaption></figure>
<p>An icon <img src="x.png" width="16" height="16" alt="small icon here"> and a photo from elsewhere:
<img src="https://example.org/far.jpg" alt="a gauge on a roof"></p>
<p hidden>Kept from readers.</p><p style="display: none">Also kept.</p><div aria-hidden="true">And this.</div>
<noscript>Turn on scripts.</noscript>
</main>
<footer>Copyright nobody</footer>
</body>
</html>
"""


def data_uri(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def page() -> bytes:
    """Every kind of block, some of them hidden."""
    return PAGE.format(picture=data_uri(images.png())).encode()


def body(markup: str) -> bytes:
    return f"<!DOCTYPE html><html><head><title>t</title></head><body>{markup}</body></html>".encode()


def long_page(paragraphs: int) -> bytes:
    """Enough paragraphs for several parts, in sections of fifty."""
    blocks = [
        (f"<h2>Section {number // 50}</h2>" if number % 50 == 0 else "") + f"<p>Paragraph {number}.</p>"
        for number in range(paragraphs)
    ]
    return body("\n".join(blocks))


def nested(tag: str, depth: int) -> bytes:
    return body(f"before{f'<{tag}>' * depth}deep{f'</{tag}>' * depth}<p>after</p>")
