"""Vision-language models by transformers: opening a checkpoint, pictures and words made fit for it.

What the encoder of pages and the generator share. Only classes that transformers itself has are
used, but for code that the user has allowed (`own_code`); weights are safetensors, and nothing is fetched.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rag.checkpoint import Checkpoint, broken
from rag.document import Chunk, Media, PageRegion, Place
from rag.errors import ConfigError, CorpusError, SourceError
from rag.extras import extra
from rag.own_code import Word, own_code, refused
from rag.own_import import running
from rag.protocols import Assets

if TYPE_CHECKING:
    from PIL import Image as Pillow

Device = str
DType = Literal["float32", "bfloat16", "float16"]
Head = Literal["states", "words", "late"]
# The table of pre-training holds all classes of late interaction, each under its own model type.
_HEADS: dict[Head, str] = {
    "states": "AutoModel", "words": "AutoModelForImageTextToText", "late": "AutoModelForPreTraining",
}  # fmt: skip
PAGE_PIXELS = 9 * 448 * 448
"""Of a page as a model sees it: the 9 slices of 448 x 448 that VisRAG's backbone takes."""
MOST_PIXELS = 80_000_000
"""Of a picture before it is made smaller; checked from its header."""
LEAST_SIDE = 32
"""Thinner pictures are set on white: processors take a picture of 1 or 3 pixels for a channel."""
WIDEST = 50
"""Times as long as wide, at most; processors refuse longer strips."""


@dataclass(frozen=True)
class Opened:
    """A model and its processor, ready to run; `placeholder` is how a prompt writes one picture."""

    model: Any
    processor: Any
    device: str
    placeholder: str

    @property
    def tokenizer(self) -> Any:
        return tokenizer(self.processor)


def tokenizer(processor: Any) -> Any:
    """The tokenizer of a processor; a checkpoint with code of its own may have no more than that."""
    return getattr(processor, "tokenizer", processor)


def opened(checkpoint: Checkpoint, head: Head, device: Device, dtype: str, word: Word | None = None) -> Opened:
    """The model with its head for hidden states, words or vectors of late interaction, on a device, for reading only.

    `device` is "auto" (a CUDA card, else the processor) or a name of torch's; `dtype` "auto" is the
    checkpoint's own on a card and float32 elsewhere. With `word` the checkpoint's own Python code is
    run, and its processor may lack an image processor. MissingExtra without the libraries, ConfigError
    for a checkpoint that transformers cannot run as it is.
    """
    with extra("vision"):
        import transformers

    place = chosen(device)
    number = dtype if dtype != "auto" or place.startswith("cuda") else "float32"
    native: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        with quietly(transformers.utils.logging), running(word) if word else nullcontext(native) as local:
            config = transformers.AutoConfig.from_pretrained(checkpoint.folder, **local)
            checkpoint.check_sizes(checkpoint.config, config.get_text_config().to_dict())
            auto: Any = transformers.AutoProcessor
            processor = auto.from_pretrained(checkpoint.folder, **local)
            with suppress(ValueError, OSError, ImportError):  # there is no such backend for some
                # By Pillow where there is a choice: pixels, and so vectors, do not depend on the machine.
                images: Any = transformers.AutoImageProcessor
                processor.image_processor = images.from_pretrained(checkpoint.folder, backend="pil", **local)
            kind: Any = getattr(transformers, _HEADS[head])
            model, told = kind.from_pretrained(
                checkpoint.folder, config=config, dtype=number, use_safetensors=True, output_loading_info=True, **local
            )
    except (MemoryError, ConfigError):
        raise
    except Exception as error:  # transformers raises anything, from KeyError to its own
        raise _refused(checkpoint, error) from error
    if lacking := sorted({*told["missing_keys"], *(str(one) for one in told["mismatched_keys"])}):
        raise broken(
            checkpoint.name,
            f"its weights lack {len(lacking)} tensors that this version of transformers needs "
            f"({', '.join(lacking[:3])}), which would be left random",
        )
    if not word:
        whole(checkpoint.name, processor)
    if tokenizer(processor).pad_token is None:  # padding is masked: any token will do
        tokenizer(processor).pad_token = tokenizer(processor).eos_token
    return Opened(placed(model, place), processor, place, _placeholder(processor))


def chosen(device: Device) -> str:
    """The device of torch's that "auto" stands for here."""
    with extra("vision"):
        import torch

    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def placed(model: Any, place: str) -> Any:
    """A model on a device, for reading only; ConfigError where torch has none of that name."""
    try:
        return model.to(place).eval().requires_grad_(False)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device={place!r} cannot be used: {error}", key="device") from error


def whole(name: str, processor: Any) -> None:
    """ConfigError for a processor that does not read pictures with words."""
    if not hasattr(processor, "image_processor") or not hasattr(processor, "tokenizer"):
        raise broken(name, f"{type(processor).__name__} reads no pictures with words")


@contextmanager
def quietly(logging: Any) -> Iterator[None]:
    """Without the progress bars and load reports of transformers, which would stand in our output."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _refused(checkpoint: Checkpoint, error: Exception) -> ConfigError:
    """What transformers could not do with a checkpoint, in words that help."""
    what = " ".join(str(error).split())
    if isinstance(error, (ImportError, RuntimeError)) and "torchvision" in what.lower():
        return ConfigError(
            f"{checkpoint.name}: its processor also reads video, or its own code asks for it, for which torchvision is "
            f"needed, of the build that fits torch; install it with: pip install torchvision ({what[:120]})",
            key="model",
        )
    if isinstance(error, ModuleNotFoundError) and error.name:
        return ConfigError(f"{checkpoint.name}: its own code needs {error.name}, which is not installed", key="model")
    if "auto_map" in checkpoint.config and ("custom code" in what or "trust_remote_code" in what):
        return remote_code(checkpoint.name, str(checkpoint.config.get("model_type")), checkpoint)
    return broken(checkpoint.name, f"transformers cannot open it ({type(error).__name__}: {what[:300]})")


def remote_code(name: str, kind: str = "", found: Checkpoint | None = None) -> ConfigError:
    """The error for a checkpoint whose class is code of its own; `found` where its files are here to be read."""
    native = (
        "Or use a checkpoint of a class that transformers itself has, such as Qwen2-VL, SmolVLM, Idefics3 or LLaVA, "
        "or weights converted to one"
    )
    if found is not None:
        try:
            error = refused(own_code(name, found.folder), "`code` is not set")
        except ConfigError as other:
            error = other
        return ConfigError(f"{error}. Only retrievers/encoders/visrag and universal take `code`. {native}", key="code")
    return ConfigError(
        f"{name}: its model class{f' ({kind})' if kind else ''} is Python code that comes with the checkpoint and "
        f"that would have to be run; Argus never does without your word. Fetch it with: hf download {name}, and this "
        f"message will say what it is and how to allow it. {native}",
        key="model",
    )


def _placeholder(processor: Any) -> str:
    """How a prompt writes one picture: what the chat template adds for it, else the image token."""
    token = str(getattr(processor, "image_token", ""))
    if not getattr(processor, "chat_template", None):
        return token
    words = {"type": "text", "text": "words"}
    with_picture = chat(processor, [{"type": "image"}, words])
    without = chat(processor, [words])
    start = next((n for n, (a, b) in enumerate(zip(with_picture, without, strict=False)) if a != b), len(without))
    end = len(with_picture) - len(without.rpartition("words")[2]) - len("words")
    added = with_picture[start:end].strip()
    return added if token in added else token


def chat(processor: Any, content: list[dict[str, str]]) -> str:
    """The prompt of one user's turn by the checkpoint's own chat template, ready for the answer."""
    turns = [{"role": "user", "content": content}]
    prompt: str = processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    return prompt


def harmless(text: str, processor: Any) -> str:
    """Words of a document or a question in which no control token stands.

    "<image>" or "<|im_end|>" in a text would otherwise ask for a picture that is not there, or end
    the turn and speak in another's name. A blank parts such a token after its first letter.
    """
    # Lone surrogates are legal in Python and in no encoding.
    text = text.encode("utf-8", "replace").decode()
    found = {str(getattr(processor, name, "") or "") for name in ("image_token", "video_token", "audio_token")}
    reads = tokenizer(processor)
    found.update(str(one) for one in reads.all_special_tokens)
    found.update(one.content for one in reads.added_tokens_decoder.values() if one.special)
    tokens = [token for token in sorted(found) if len(token.strip()) > 2]
    while present := [token for token in tokens if token in text]:
        for token in present:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def has_pixels(chunk: Chunk) -> bool:
    """Whether a chunk is to be seen: a page, a photo, a figure, a frame."""
    return chunk.modality in ("image", "video") or _kept(chunk) is not None


def pixels(assets: Assets, chunk: Chunk, dpi: int) -> bytes:
    """A chunk's picture: the one that is kept, else its place drawn at `dpi`; SourceError if they are gone."""
    source = chunk.origin.source
    if (media := _kept(chunk)) is None:
        return assets.crop(source, _drawn(chunk.origin.places), dpi)
    try:
        return assets.open(media)
    except CorpusError as error:
        raise SourceError(str(error), source=source.uri, kind="missing") from error


def _kept(chunk: Chunk) -> Media | None:
    return chunk.media if chunk.media and chunk.media.media_type.startswith("image/") else None


def _drawn(places: tuple[Place, ...]) -> Place:
    """The place to draw: the first on a page, else the first."""
    return next((place for place in places if isinstance(place, PageRegion)), places[0])


def picture(data: bytes, max_pixels: int, name: str) -> Pillow.Image:
    """RGB as a person sees it (upright, on white), made smaller to at most `max_pixels`.

    SourceError (`name` its source) for bytes that are no picture, or of more than 80 million pixels.
    """
    from PIL import Image as pillow
    from PIL import ImageOps, UnidentifiedImageError

    try:
        file = pillow.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"))
        if file.width * file.height > MOST_PIXELS:
            raise SourceError(
                f"{file.width} x {file.height} pixels, more than {MOST_PIXELS:,}", source=name, kind="limit"
            )
        image = ImageOps.exif_transpose(file)
        if image.has_transparency_data:
            seen = pillow.new("RGBA", image.size, "white")
            image = pillow.alpha_composite(seen, image.convert("RGBA"))
        image = image.convert("RGB")
    except SourceError:
        raise
    except (UnidentifiedImageError, pillow.DecompressionBombError) as error:
        raise SourceError(f"not a picture that can be shown: {error}", source=name, kind="damaged") from error
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, struct.error, zlib.error) as error:
        raise SourceError(f"damaged picture: {error}", source=name, kind="damaged") from error
    return _framed(_smaller(image, max_pixels))


def _smaller(image: Pillow.Image, max_pixels: int) -> Pillow.Image:
    from PIL import Image as pillow

    scale = (max_pixels / (image.width * image.height)) ** 0.5
    if scale >= 1:
        return image
    size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
    return image.resize(size, pillow.Resampling.BICUBIC)


def _framed(image: Pillow.Image) -> Pillow.Image:
    """On white where it is too thin for the processors."""
    from PIL import Image as pillow

    least = max(LEAST_SIDE, -(-max(image.size) // WIDEST))
    if min(image.size) >= least:
        return image
    framed = pillow.new("RGB", (max(image.width, least), max(image.height, least)), "white")
    framed.paste(image, ((framed.width - image.width) // 2, (framed.height - image.height) // 2))
    return framed
