"""Write a tiny GGUF model with random weights: a real file for a real engine, without any download.

It answers nonsense, within milliseconds. For tests of what surrounds a model.
"""

import struct
from collections.abc import Iterable
from pathlib import Path
from random import Random

_WIDTH = 32
_FEED = 64
_U32, _F32, _STRING, _ARRAY, _I32 = 4, 6, 8, 9, 5
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6


def write_tiny_model(path: Path, *, architecture: str = "llama", template: str | None = None) -> Path:
    """Write the model and return its path; an `architecture` other than llama is refused by the engine."""
    tokens, kinds = _vocabulary()
    pairs = [
        _pair("general.architecture", _STRING, _text(architecture)),
        _pair("general.name", _STRING, _text("Tiny")),
        _pair("general.file_type", _U32, struct.pack("<I", 0)),
        *(
            _pair(f"{architecture}.{key}", _U32, struct.pack("<I", value))
            for key, value in (
                ("context_length", 4096),
                ("embedding_length", _WIDTH),
                ("block_count", 1),
                ("feed_forward_length", _FEED),
                ("attention.head_count", 2),
                ("attention.head_count_kv", 2),
                ("rope.dimension_count", _WIDTH // 2),
                ("vocab_size", len(tokens)),
            )
        ),
        _pair(f"{architecture}.attention.layer_norm_rms_epsilon", _F32, struct.pack("<f", 1e-5)),
        _pair("tokenizer.ggml.model", _STRING, _text("llama")),
        _pair("tokenizer.ggml.tokens", _ARRAY, _array(_STRING, map(_text, tokens), len(tokens))),
        _pair("tokenizer.ggml.scores", _ARRAY, _array(_F32, [bytes(4 * len(tokens))], len(tokens))),
        _pair(
            "tokenizer.ggml.token_type",
            _ARRAY,
            _array(_I32, [struct.pack("<i", k) for k in kinds], len(kinds)),
        ),
        _pair("tokenizer.ggml.unknown_token_id", _U32, struct.pack("<I", 0)),
        _pair("tokenizer.ggml.bos_token_id", _U32, struct.pack("<I", 1)),
        _pair("tokenizer.ggml.eos_token_id", _U32, struct.pack("<I", 2)),
    ]
    if template is not None:
        pairs.append(_pair("tokenizer.chat_template", _STRING, _text(template)))
    path.write_bytes(_file(pairs, _shapes(len(tokens))))
    return path


def _vocabulary() -> tuple[list[str], list[int]]:
    letters = ["\u2581", *"abcdefghijklmnopqrstuvwxyz"]
    names = ["<unk>", "<s>", "</s>", *(f"<0x{value:02X}>" for value in range(256)), *letters]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, *([_BYTE] * 256), *([_NORMAL] * len(letters))]
    return names, kinds


def _shapes(words: int) -> dict[str, tuple[int, ...]]:
    square = (_WIDTH, _WIDTH)
    return {
        "token_embd.weight": (_WIDTH, words),
        "output_norm.weight": (_WIDTH,),
        "output.weight": (_WIDTH, words),
        "blk.0.attn_norm.weight": (_WIDTH,),
        "blk.0.attn_q.weight": square,
        "blk.0.attn_k.weight": square,
        "blk.0.attn_v.weight": square,
        "blk.0.attn_output.weight": square,
        "blk.0.ffn_norm.weight": (_WIDTH,),
        "blk.0.ffn_gate.weight": (_WIDTH, _FEED),
        "blk.0.ffn_up.weight": (_WIDTH, _FEED),
        "blk.0.ffn_down.weight": (_FEED, _WIDTH),
    }


def _file(pairs: list[bytes], shapes: dict[str, tuple[int, ...]]) -> bytes:
    random = Random(7)
    infos, data = b"", b""
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        infos += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += struct.pack(f"<{count}f", *(random.gauss(0, 0.1) for _ in range(count)))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(pairs)) + b"".join(pairs) + infos
    return head + bytes(-len(head) % 32) + data


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def _pair(key: str, kind: int, value: bytes) -> bytes:
    return _text(key) + struct.pack("<I", kind) + value


def _array(kind: int, items: Iterable[bytes], count: int) -> bytes:
    return struct.pack("<IQ", kind, count) + b"".join(items)
