"""Texts made by code: each function gives the bytes of a file."""

from __future__ import annotations

from tests.golden import htmls, images

PLAIN = """The gauge

A gauge collects rain in a funnel, and the funnel leads it into a glass with a
scale that is read every morning at the same hour by the same person.

    for day in month:
        total += rain[day]

    print(total)

- Stand level with the scale.
- Write down the millimetres.

```
fenced code
```
The end.
"""

MARKDOWN = """---
title: "Rain gauges"
author: A. Weir
---

# Gauges

A gauge *collects* rain in a [funnel](funnel.md)
and `keeps` it.

## Reading

- Stand level.
  - Not above.
- Write it down.

3. Empty it.

```python
total += rain
```

| Month | Rain |
| ----- | ---: |
| May   | 40   |
| June  | 31   |

> Quoted words.

![Four fields of colour]({picture})

<table><tr><td>Raw markup</td></tr></table>
"""

CSV = 'Month,Rain,Note\nMay,40,\nJune,31,"dry, warm"\nJuly,55,wet\n'


def plain() -> bytes:
    return PLAIN.encode()


def markdown() -> bytes:
    return MARKDOWN.replace("{picture}", htmls.data_uri(images.png())).encode()


def csv() -> bytes:
    return CSV.encode()


def many(paragraphs: int) -> bytes:
    return "\n\n".join(f"Paragraph {number}." for number in range(paragraphs)).encode()
