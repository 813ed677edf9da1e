from __future__ import annotations

from rag.recent import Recent


def test_what_is_kept_is_not_made_again() -> None:
    made: list[int] = []

    def make() -> list[int]:
        made.append(1)
        return [1, 2]

    recent: Recent[str, list[int]] = Recent(10)
    assert recent("a", make) is recent("a", make)
    assert len(made) == 1
    recent.clear()
    assert recent("a", make) == [1, 2]
    assert len(made) == 2


def test_the_oldest_go_where_there_are_too_many_members() -> None:
    made: list[str] = []

    def ask(key: str, size: int = 2) -> None:
        def make() -> list[int]:
            made.append(key)
            return [0] * size

        assert len(recent(key, make)) == size

    recent: Recent[str, list[int]] = Recent(5)
    for key in "aba":
        ask(key)
    ask("c")  # six members: b, asked for longest ago, goes
    ask("a")
    ask("b")
    assert made == ["a", "b", "c", "b"]
    ask("large", 6)  # more than may be kept is answered and not kept
    ask("large", 6)
    assert made[-2:] == ["large", "large"]
