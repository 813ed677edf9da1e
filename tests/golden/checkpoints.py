"""Tiny vision-language checkpoints built from their settings: no hub, a few hundred kilobytes, random weights.

`llava`: a picture is 28 x 28 pixels and 4 tokens. `idefics3`: a picture is cut into tiles of 32 x 32
pixels and a view of the whole, as VisRAG's backbone does, so pages differ in tokens.
"""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Literal

from rag.generators.prompts.cited import SYSTEM
from rag.retrievers.encoders.visrag import VisRAG

from rag.document import WHOLE, Chunk, Media, Origin, PageRegion, Source
from rag.identity import digest, identified
from rag.store.assets import FolderAssets

Kind = Literal["llava", "idefics3"]
COLOURS = {"red": (220, 30, 30), "blue": (30, 50, 220), "green": (30, 170, 60), "yellow": (240, 220, 40)}
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>"]
TILES = ["<fake_token_around_image>", "<end_of_utterance>", "<global-img>"]
ROWS_AND_COLUMNS = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
WORDS = "The picture shows red. blue. green. yellow. [1] [2] [3] [4] What colour is the Question Evidence Answer page"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def made(
    folder: Path, kind: Kind = "llava", *, seed: int = 0, template: bool = True, dim: int = 48, scale: float = 6.0
) -> Path:
    """A checkpoint of that kind in `folder`; the same for the same arguments.

    Weights are `scale` times what a training would start from, so that what is read shows in what
    comes out.
    """
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)  # a tiny model is slower with more, by far where the machine is shared
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        processor = _processor(kind, template)
        model = _model(kind, processor.tokenizer, dim)
    return saved(folder, model, processor, scale)


def saved(folder: Path, model: Any, processor: Any, scale: float) -> Path:
    """A model and its processor in `folder`, the weights made `scale` times larger but for embeddings."""
    import torch

    with torch.no_grad():
        for name, one in model.named_parameters():
            if one.ndim > 1 and "embed" not in name:
                one.mul_(scale)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@cache
def page_encoder(**options: Any) -> VisRAG:
    """An encoder of pixels over a tiny checkpoint, with assets of its own that hold `pictures()`."""
    folder = Path(mkdtemp(prefix="argus-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    assets = kept_pictures(folder / "assets")
    return VisRAG(str(made(folder / "model", "idefics3")), assets=assets, **options)


def kept_pictures(folder: Path) -> FolderAssets:
    """Assets that hold the pixels of `pictures()`."""
    assets = FolderAssets(folder)
    for data in _SHOWN:
        assets.put(data(), "image/png")
    return assets


def pictures() -> list[Chunk]:
    """Chunks that are pictures of several sizes, without a word."""
    source = Source("photos.png", "image/png", digest("photos.png"))
    media = [Media("image/png", digest(data()), len(data())) for data in _SHOWN]
    places = [Origin(source, (PageRegion(page, WHOLE),)) for page in range(1, len(media) + 1)]
    return list(identified(Chunk("", "image", at, media=one) for at, one in zip(places, media, strict=True)))


def taught(folder: Path, asked: Sequence[tuple[str, bytes, str]], steps: int = 400) -> Path:
    """A `llava` that has learnt (prompt with one picture, the picture, reply) by heart, from pixels alone."""
    import io

    import torch
    from PIL import Image
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    made(folder, "llava", scale=2.0)
    processor = AutoProcessor.from_pretrained(folder)
    model = LlavaForConditionalGeneration.from_pretrained(folder).train()
    texts = [prompt + reply + SPECIALS[2] for prompt, _, reply in asked]
    pictures = [[Image.open(io.BytesIO(data)).convert("RGB")] for _, data, _ in asked]
    read = processor(text=texts, images=pictures, padding=True, padding_side="left", return_tensors="pt")
    wanted = read["input_ids"].clone()
    for row, (_, _, reply) in enumerate(asked):
        length = len(processor.tokenizer(reply + SPECIALS[2])["input_ids"])
        wanted[row, :-length] = -100
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95))
    for step in range(1, steps):
        for group in optimiser.param_groups:
            group["lr"] = 6e-3 * min(1.0, step / 10)
        loss = model(**read, labels=wanted).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if loss.item() < 0.02:
            model.save_pretrained(folder)
            return folder
    raise AssertionError(f"it has not learnt: loss {loss.item():.3f}")


def tokenizer_of(specials: list[str], template: bool = False, ends: bool = False) -> Any:
    """A byte-level tokenizer; the first three specials are padding, start and end, which `ends` puts around a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=specials,
        show_progress=False,
    )  # fmt: skip
    bpe.train_from_iterator([WORDS, SYSTEM] * 4, trainer)
    if ends:
        around = [(one, bpe.token_to_id(one)) for one in specials[1:3]]
        bpe.post_processor = processors.TemplateProcessing(f"{specials[1]} $A {specials[2]}", None, around)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token=specials[0], bos_token=specials[1], eos_token=specials[2],
        additional_special_tokens=specials[1:], chat_template=TEMPLATE if template else None,
    )  # fmt: skip


def _processor(kind: Kind, template: bool) -> Any:
    from transformers import Idefics3Processor, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    tokenizer = tokenizer_of(SPECIALS + (TILES + ROWS_AND_COLUMNS if kind == "idefics3" else []), template)
    chat = TEMPLATE if template else None
    if kind == "llava":
        images = CLIPImageProcessorPil(size={"height": 28, "width": 28}, do_center_crop=False)
        return LlavaProcessor(images, tokenizer, patch_size=14, vision_feature_select_strategy="default",
                              num_additional_image_tokens=1, chat_template=chat)  # fmt: skip
    images = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    return Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=chat)


def _model(kind: Kind, tokenizer: Any, dim: int) -> Any:
    from transformers import (
        CLIPVisionConfig,
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
    )

    ids = tokenizer.convert_tokens_to_ids
    words = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=dim, intermediate_size=2 * dim, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=4096,
        pad_token_id=ids(SPECIALS[0]), bos_token_id=ids(SPECIALS[1]), eos_token_id=ids(SPECIALS[2]),
    )  # fmt: skip
    eyes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    if kind == "llava":
        vision = CLIPVisionConfig(image_size=28, patch_size=14, projection_dim=16, **eyes)
        config: Any = LlavaConfig(
            vision_config=vision, text_config=words, image_token_index=ids("<image>"), image_seq_length=4,
            vision_feature_layer=-1,
        )  # fmt: skip
        return LlavaForConditionalGeneration(config)
    config = Idefics3Config(
        vision_config={**eyes, "image_size": 32, "patch_size": 8}, text_config=words,
        image_token_id=ids("<image>"), pad_token_id=ids(SPECIALS[0]), scale_factor=2,
    )  # fmt: skip
    return Idefics3ForConditionalGeneration(config)


def plain(colour: str | tuple[int, int, int], width: int = 120, height: int = 160) -> bytes:
    """A picture of one colour as PNG."""
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (width, height), COLOURS.get(colour, colour) if isinstance(colour, str) else colour).save(
        out, "PNG"
    )
    return out.getvalue()


def striped(width: int = 120, height: int = 160) -> bytes:
    """A picture of black and white stripes as PNG."""
    import io

    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    for top in range(0, height, 40):
        pen.rectangle((0, top, width, top + 19), "black")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


_SHOWN = (
    lambda: plain("red"),
    lambda: plain("blue", 30, 30),
    lambda: striped(300, 90),
    lambda: plain("green", 90, 200),
)


def page_document(pictures: Sequence[bytes], size: tuple[float, float] = (300, 400)) -> bytes:
    """A PDF whose pages are these pictures, without a word."""
    import pymupdf

    document = pymupdf.open()
    for data in pictures:
        page = document.new_page(width=size[0], height=size[1])
        page.insert_image(page.rect, stream=data, keep_proportion=False)
    made: bytes = document.tobytes(no_new_id=True)
    return made
