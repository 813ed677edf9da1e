"""The options of `rag add` for crawls, and for pages that JavaScript fills."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from rag.errors import ConfigError

_ONLY = ("depth", "max_pages", "max_bytes", "delay", "include", "exclude", "sitemap", "whole_site", "ignore_tags")


def crawl_arguments(parser: ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("crawling", "from a web address to the pages of its site")
    group.add_argument("--crawl", action="store_true", help="follow links within the site; the others need it")
    group.add_argument("--depth", type=int, metavar="N", help="links from the address (default: 3)")
    group.add_argument("--max-pages", type=int, metavar="N", help="pages that are asked for (default: 500)")
    group.add_argument("--max-bytes", type=int, metavar="N", help="bytes that are fetched (default: 2 GiB)")
    group.add_argument("--sitemap", action="store_true", help="also take the pages that the site's sitemaps list")
    group.add_argument("--delay", type=float, metavar="S", help="least seconds between two requests (default: 1)")
    group.add_argument("--include", metavar="GLOB", action="append", help="follow only links like it; repeatable")
    group.add_argument("--exclude", metavar="GLOB", action="append", help="follow no links like it; repeatable")
    group.add_argument("--whole-site", action="store_true", help="all of the host, not the address' folder alone")
    group.add_argument("--ignore-tags", action="store_true", help="follow nofollow links, take noindex pages")
    group = parser.add_argument_group("rendering", "pages that JavaScript fills (extra browser)")
    group.add_argument("--render", action="store_true", help="take pages as Chromium shows them")
    browser_arguments(group)


def browser_arguments(parser: ArgumentParser | Any) -> None:
    """Which browser, and how it is started."""
    parser.add_argument("--browser", metavar="PATH", help="the Chromium to start (default: the one on the PATH)")
    parser.add_argument(
        "--no-browser-sandbox", action="store_true", help="where Chromium cannot have one, as root in a container"
    )


def render_rules(options: Namespace) -> Any:
    """What the options say of rendering; None where there is to be none."""
    if not options.render:
        if options.browser or options.no_browser_sandbox:
            raise ConfigError("--browser and --no-browser-sandbox are for rendering; add --render, or leave them out")
        return None
    return browser_rules(options)


def browser_rules(options: Namespace) -> Any:
    """How the browser that the options name is started."""
    from rag.registry import load

    return load("pipelines/rendering")(program=options.browser or "", sandbox=not options.no_browser_sandbox)


def crawl_rules(options: Namespace) -> Any:
    """What the options say of a crawl; None where there is to be none, ConfigError where they make no sense."""
    given = {name: value for name in _ONLY if (value := getattr(options, name)) not in (None, False)}
    if not options.crawl:
        if given:
            named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ConfigError(f"{named} is for crawls; add --crawl, or leave it out")
        return None
    from rag.registry import load

    try:
        return load("pipelines/crawl")(**given)
    except ValueError as error:
        raise ConfigError(str(error)) from None
