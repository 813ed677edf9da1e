"""The site that is crawled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.golden.crawls import SITE
from tests.golden.servers import Server, site


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(site(SITE)).serving() as started:
        yield started
