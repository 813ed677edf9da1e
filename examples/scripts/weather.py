"""The invented year of the sample station, and the page about its rain gauge."""

from __future__ import annotations

from typing import NamedTuple


class Month(NamedTuple):
    """Rain in mm, days with 1 mm or more, mean temperature in degrees C, gust in m/s, hours lost."""

    name: str
    rain: int
    wet_days: int
    temperature: float
    gust: float
    lost: int


MONTHS = (
    Month("January", 142, 19, 4.1, 27.4, 0),
    Month("February", 118, 16, 4.4, 25.9, 6),
    Month("March", 97, 15, 5.8, 22.3, 0),
    Month("April", 71, 12, 8.0, 19.6, 0),
    Month("May", 64, 11, 11.2, 17.1, 3),
    Month("June", 58, 10, 13.9, 15.8, 0),
    Month("July", 83, 13, 15.6, 14.9, 0),
    Month("August", 109, 15, 15.2, 18.4, 11),
    Month("September", 126, 16, 13.1, 21.7, 0),
    Month("October", 168, 20, 10.2, 26.0, 0),
    Month("November", 187, 21, 6.9, 29.8, 4),
    Month("December", 161, 20, 4.8, 28.5, 0),
)


def page(picture: str) -> str:
    """The HTML page; `picture` is the drawing of the gauge, PNG in base64."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Looking after a tipping-bucket rain gauge</title>
<meta name="author" content="The Argus team">
</head>
<body>
<nav><a href="#parts">Parts</a> | <a href="#cleaning">Cleaning</a> | <a href="#check">Check</a></nav>
<main>
<h1>Looking after a tipping-bucket rain gauge</h1>
<p>A tipping-bucket gauge counts rain in steps. Rain runs from the funnel into one half of a small
see-saw; when that half is full it tips, empties, and closes a reed switch once. The logger counts the
pulses. With a funnel of 200&nbsp;cm&sup2; and a bucket of 4&nbsp;ml, one tip stands for 0.2&nbsp;mm of
rain.</p>

<h2 id="parts">Parts</h2>
<figure>
<img src="data:image/png;base64,{picture}"
 alt="Cross-section of a rain gauge: funnel with debris screen, tipping bucket, reed switch and drain"
 width="480" height="360">
<figcaption>Cross-section of the gauge: the debris screen sits in the funnel, the two-sided bucket tips
below it, and the water leaves by the drain.</figcaption>
</figure>

<h2 id="cleaning">Cleaning</h2>
<p>A blocked funnel is the most common fault, and it looks like drought. Spiders like the bucket.</p>
<ol>
<li>Lift the funnel off and take out the debris screen.</li>
<li>Rinse both with warm water. Do not use soap: it leaves a film that holds drops back.</li>
<li>Wipe the bucket with a soft brush and see that it tips freely to both sides.</li>
<li>Level the base with the bubble before the funnel goes back on.</li>
</ol>
<p>Clean the gauge every four weeks from April to September, and every two weeks in October and November
when leaves fall.</p>

<h2 id="check">Yearly check</h2>
<p>Pour a known amount of water through the funnel slowly, over at least thirty minutes, and compare the
number of tips with the table. If the count is off by more than three per cent, turn the adjusting
screws under the bucket by equal amounts.</p>
<table>
<caption>Tips to expect from a gauge of 0.2 mm a tip</caption>
<thead><tr><th>Water (ml)</th><th>Rain (mm)</th><th>Tips</th><th>Tips accepted</th></tr></thead>
<tbody>
<tr><td>100</td><td>5</td><td>25</td><td>24 to 26</td></tr>
<tr><td>250</td><td>12.5</td><td>62</td><td>61 to 64</td></tr>
<tr><td>500</td><td>25</td><td>125</td><td>121 to 129</td></tr>
</tbody>
</table>
<p>Snow does not tip a bucket. An unheated gauge reports it when it melts, sometimes days later, so mark
such days in the log and do not trust their hourly values.</p>
</main>
<footer>Written for the Argus sample corpus. CC0 1.0: no rights reserved.</footer>
</body>
</html>
"""
