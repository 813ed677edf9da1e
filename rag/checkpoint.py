"""Checkpoints of transformers models on this machine: found, looked over and named, without opening them.

Standard library only, so that a corpus whose encoder is such a model opens at once, also where the
libraries that would run it are not installed. A checkpoint may come from anybody: weights that are
a pickle, which runs code when it is opened, are refused here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from rag.errors import ConfigError
from rag.extras import extra
from rag.identity import combined, file_digest

WHOLE = 64 * 2**20
"""Bytes up to which a file of weights is digested whole."""
SAMPLE = 4096
MOST_HEADER = 100 * 2**20
_TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "tekken.json")
_SIDES = ("hidden_size", "intermediate_size", "vocab_size")
_COUNTED = ("num_hidden_layers", "num_layers", "n_layers", "depth", "num_experts", "num_local_experts")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_READ_BESIDE = (".json", ".txt", ".model", ".jinja")
# transformers leaves out of a config.json what is its class' default, as LLaVA's and MM-Embed's do.
_LEFT_OUT = {"llama": 4096, "mistral": 4096}
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


@dataclass(frozen=True)
class Checkpoint:
    """A folder with a model's settings and its weights as safetensors; `name` is what the user wrote."""

    name: str
    folder: Path
    config: Mapping[str, Any]
    weights: tuple[Path, ...]

    @property
    def hidden_size(self) -> int:
        """Dimensions of the language model's hidden states."""
        for table in (self.config.get("text_config"), self.config):
            size = table.get("hidden_size") if isinstance(table, dict) else None
            if isinstance(size, int) and not isinstance(size, bool) and 0 < size < 10**6:
                return size
            if isinstance(table, dict) and size is None and table.get("model_type") in _LEFT_OUT:
                return _LEFT_OUT[table["model_type"]]
        raise ConfigError(f"{self.name}: its config.json gives no hidden_size of a language model", key="model")

    @cached_property
    def digest(self) -> str:
        """Names weights, settings and tokenizer (hex).

        A file of weights up to 64 MiB counts whole; of a larger one its size, its table of tensors and
        4 KiB from the start, the middle and the end of each tensor, so that gigabytes are named in
        milliseconds. Training moves all of a tensor; one number changed by hand may go unseen.
        """
        beside = sorted(path for path in self.folder.iterdir() if path.suffix in _READ_BESIDE and path.is_file())
        try:
            return combined(
                [[path.name, file_digest(path)] for path in beside],
                [[path.name, _weights_digest(path)] for path in self.weights],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise broken(self.name, f"its weights cannot be read ({error})") from error

    def check_sizes(self, *settings: Mapping[str, Any]) -> None:
        """ConfigError where settings ask for more than the weights hold.

        A layer without weights would be made up, of any size and in any number: a few bytes of
        config.json could fill the memory. Looked at are the names that all families have.
        """
        try:
            tensors = [one for path in self.weights for one in _tensors(path).values()]
            most = max((int(side) for one in tensors for side in one["shape"]), default=0)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise broken(self.name, f"its weights cannot be read ({error})") from error
        for key, value in _numbers(settings):
            asked = f"its settings say {key} = {value}"
            if key in _SIDES and value > most:
                raise broken(self.name, f"{asked}, and no tensor of its weights has more than {most} a side")
            if key in _COUNTED and value > len(tensors):
                raise broken(self.name, f"{asked}, and its weights hold {len(tensors)} tensors")


def checkpoint(model: str, revision: str = "") -> Checkpoint:
    """The checkpoint in a folder, or of a hub name in this machine's Hugging Face cache.

    Opens no socket: what is not there is not fetched. ConfigError says what is wrong and what to do.
    """
    folder = located(model, revision)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise broken(model, f"{folder / 'config.json'} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise broken(model, f"{folder / 'config.json'} is not JSON ({error})") from error
    if not isinstance(config, dict):
        raise broken(model, f"{folder / 'config.json'} holds no table of settings")
    if not has_tokenizer(folder):
        raise broken(model, f"there is no tokenizer in {folder}")
    return Checkpoint(model, folder, config, tuple(_weights(model, folder)))


def has_tokenizer(folder: Path) -> bool:
    """Whether a tokenizer's words are in a folder; without, some classes make one up that knows none, untold."""
    return any(path.name in _TOKENIZERS or path.suffix in (".model", ".tiktoken") for path in folder.iterdir())


def broken(model: str, what: str) -> ConfigError:
    """The error for a checkpoint that is not as `save_pretrained` leaves one."""
    return ConfigError(
        f"{model}: {what}; expected a folder as `save_pretrained` writes it: config.json, model.safetensors, "
        "tokenizer and processor files",
        key="model",
    )


def located(model: str, revision: str, file: str = "config.json") -> Path:
    """The folder of a checkpoint: for a hub name the one with `file` in this machine's cache; ConfigError without."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        if revision:
            raise ConfigError(f"revision={revision!r} is for hub names; {model} is a folder", key="revision")
        return folder
    if not _HUB_NAME.fullmatch(model):
        raise ConfigError(f"model={model!r}: there is no such folder, and it is no hub name (owner/name)", key="model")
    with extra("vision"):
        from huggingface_hub import try_to_load_from_cache
    found = try_to_load_from_cache(model, file, revision=revision or None)
    if not isinstance(found, str):
        pinned = f" --revision {revision}" if revision else ""
        raise ConfigError(
            f"model={model!r}: no such folder, and not in this machine's Hugging Face cache"
            f"{f' at revision {revision}' if revision else ''}. Argus fetches no models by itself; "
            f"fetch it with: hf download {model}{pinned}",
            key="model",
        )
    return Path(found).parent


def _weights(model: str, folder: Path) -> Iterator[Path]:
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if whole.is_file():
        yield whole
    elif index.is_file():
        for name in _shards(model, index):
            if not (folder / name).is_file():
                raise broken(model, f"{name}, named by {index.name}, is missing")
            yield folder / name
    elif pickled := sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern)):
        raise ConfigError(
            f"{model}: its weights are a pickle ({pickled[0]}), which can run any code when it is opened, so Argus "
            "does not. Convert it where you trust it: load it with transformers and save it with "
            "save_pretrained(FOLDER), which writes safetensors; then give that folder as the model",
            key="model",
        )
    else:
        raise broken(model, f"there are no weights in {folder}")


def _shards(model: str, index: Path) -> list[str]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise broken(model, f"{index.name} is no table of weights ({error})") from error
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise broken(model, f"{index.name} must name files beside it")
    return names


def _weights_digest(path: Path) -> str:
    """sha256 over a safetensors file, or over samples of each tensor of a large one.

    The format: 8 bytes with the length of a JSON table (little endian), the table, the numbers.
    """
    size, header, table = _header(path)
    if size <= WHOLE:
        return file_digest(path)
    hashed = sha256(f"{size}:".encode() + header)
    with open(path, "rb") as file:
        for start, end in sorted(tuple(map(int, one["data_offsets"])) for one in table.values()):
            for at in sorted({start, (start + end) // 2, max(start, end - SAMPLE)}):
                file.seek(8 + len(header) + at)
                hashed.update(file.read(min(SAMPLE, end - at)))
    return hashed.hexdigest()


def _tensors(path: Path) -> dict[str, Any]:
    return _header(path)[2]


def _header(path: Path) -> tuple[int, bytes, dict[str, Any]]:
    """A safetensors file's size, its header and the header's table of tensors; ValueError and the like for others."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MOST_HEADER, size - 8):
            raise ValueError(f"{path.name} is no safetensors file")
        header = file.read(length)
    tensors = {name: one for name, one in json.loads(header).items() if name != "__metadata__"}
    end = max((int(one["data_offsets"][1]) for one in tensors.values()), default=0)
    if end + 8 + length != size:
        raise ValueError(f"{path.name} holds {size} bytes, its table says {end + 8 + length}")
    return size, header, tensors


def _numbers(settings: object) -> Iterator[tuple[str, int]]:
    """All whole numbers of nested tables with their names."""
    waiting = [settings]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting.extend(one.values())
            yield from ((str(key), value) for key, value in one.items() if type(value) is int)
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)
