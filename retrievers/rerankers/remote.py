"""A model behind an address of the user's own, asked for scores."""

from __future__ import annotations

import base64
import io
import math
import os
import time
from collections.abc import Mapping
from typing import Any

from rag.errors import ConfigError, GenerationError
from rag.net import EndpointError, endpoint

MOST_WAIT = 20.0


class Server:
    """An endpoint that is asked again where it was busy. The key is `key`, else the environment's `key_env`."""

    def __init__(self, base_url: str, key: str, key_env: str, timeout: float, attempts: int, model: str) -> None:
        if attempts < 1:
            raise ConfigError(f"attempts is at least 1, got {attempts}", key="attempts")
        self._endpoint = endpoint(base_url, key=key or os.environ.get(key_env) or None, timeout=timeout)
        self._attempts = attempts
        self._model = model

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self._endpoint.origin

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON that it answers; GenerationError where it does not."""
        for attempt in range(1, self._attempts + 1):
            try:
                return self._endpoint.post(path, body)
            except EndpointError as error:
                if attempt == self._attempts or not error.may_retry:
                    raise GenerationError(
                        str(error), model=self._model, attempt=attempt, retry=error.may_retry
                    ) from error
                time.sleep(min(MOST_WAIT, error.retry_after if error.retry_after is not None else 0.5 * 2**attempt))
        raise GenerationError("it was not asked", model=self._model)

    def logprobs(self, reply: Mapping[str, Any]) -> dict[str, float]:
        """The likely first tokens of a chat completion with their log probabilities; GenerationError without them."""
        try:
            listed = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
            found: dict[str, float] = {}
            for one in listed:
                value = float(one["logprob"])
                if not math.isnan(value):
                    found[str(one["token"])] = max(value, found.get(str(one["token"]), -math.inf))
        except (LookupError, TypeError, ValueError) as error:
            raise GenerationError(
                "the server gives no log probabilities, which this scorer needs (logprobs and top_logprobs)",
                model=self._model,
            ) from error
        return found

    def relevance(self, reply: Mapping[str, Any], count: int) -> list[float]:
        """The scores of a rerank endpoint in the order of the documents sent; GenerationError if any is missing."""
        found: dict[int, float] = {}
        try:
            for one in reply["results"]:
                found[int(one["index"])] = float(one["relevance_score"])
        except (LookupError, TypeError, ValueError) as error:
            raise GenerationError(
                'expected {"results": [{"index", "relevance_score"}, ..]} as Cohere and Jina answer', model=self._model
            ) from error
        if set(found) != set(range(count)) or not all(map(math.isfinite, found.values())):
            raise GenerationError(f"of {count} documents it scored {len(found)}", model=self._model)
        return [found[at] for at in range(count)]


def png(image: Any) -> str:
    """A picture as a data address."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
