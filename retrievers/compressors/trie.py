"""Scores of block paths from a language model, by a trie of their tokens (HtmlRAG section 3.3.2).

Tan et al., arXiv 2411.02959, equations 1 to 3. What the paths have in common is read once, and a token
without siblings has probability 1 and costs no call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

FLOOR = 1e-9
"""The least probability of a token."""

Logits = Callable[[Sequence[int], Sequence[int]], Sequence[float]]
"""(tokens of a path so far, tokens that may follow) to the logits of those, at the last position."""


@dataclass(slots=True)
class Node:
    """A token of one or more paths; `children` in the order in which the paths name them."""

    children: dict[int, Node] = field(default_factory=dict)


def trie(paths: Sequence[Sequence[int]]) -> Node:
    """The paths merged where they begin alike."""
    root = Node()
    for path in paths:
        node = root
        for token in path:
            node = node.children.setdefault(token, Node())
    return root


def branchings(root: Node) -> int:
    """Nodes with more than one child: the calls that scoring makes."""
    count, open_ = 0, [root]
    while open_:
        node = open_.pop()
        count += len(node.children) > 1
        open_.extend(node.children.values())
    return count


def scores(paths: Sequence[Sequence[int]], logits: Logits) -> list[float]:
    """For each path the sum of log P over its tokens, P over the siblings of a token alone.

    Depth first, so that a cache of what was read last serves the next call. Where no path begins
    another, the probabilities of all paths sum to 1.
    """
    gained: dict[tuple[int, ...], float] = {}
    open_: list[tuple[tuple[int, ...], Node]] = [((), trie(paths))]
    while open_:
        prefix, node = open_.pop()
        following = list(node.children)
        if len(following) > 1:
            for token, chance in zip(following, _softmax(logits(prefix, following)), strict=True):
                gained[(*prefix, token)] = math.log(max(chance, FLOOR))
        open_.extend(((*prefix, token), node.children[token]) for token in reversed(following))
    return [math.fsum(gained.get(tuple(path[:end]), 0.0) for end in range(1, len(path) + 1)) for path in paths]


def _softmax(values: Sequence[float]) -> list[float]:
    most = max(values)
    powers = [math.exp(value - most) for value in values]
    total = math.fsum(powers)
    return [power / total for power in powers]
