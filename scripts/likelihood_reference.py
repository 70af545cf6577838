"""Write the log-likelihoods that a GGUF file's own weights give in float32: what engines are compared with.

Not part of bakeoff: it needs `pip install torch transformers gguf` in an environment of its own, and a
running llama.cpp server of the same file, whose `/tokenize` gives the token ids.

    python scripts/likelihood_reference.py MODEL.gguf http://127.0.0.1:8080 KEY tests/data/likelihoods_X.json

Every tensor of the file is expanded to float32 and put into transformers' own model code of the architecture
(llama or gemma3); nothing is quantised while computing. The texts are in tests/data/continuations.json.
"""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
FFN_NORM = {"llama": "post_attention_layernorm", "gemma3": "pre_feedforward_layernorm"}
GEMMA_ONLY = {
    "post_attention_norm": "post_attention_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
TOP = {"token_embd": "embed_tokens", "output_norm": "norm"}
TEXTS = Path(__file__).parent.parent / "tests" / "data" / "continuations.json"


def main(path: str, server: str, key: str, target: str) -> None:
    """Compute every choice of the texts and write them beside how they were made."""
    import torch
    import transformers
    from gguf import GGUFReader

    reader = GGUFReader(path)
    model = build(reader)
    rows = []
    for group in json.loads(TEXTS.read_text())["groups"]:
        context = tokenize(server, key, group["context"])
        for choice in group["choices"]:
            whole = tokenize(server, key, f"{group['context']} {choice}")
            start = common(context, whole)
            with torch.no_grad():
                found = torch.log_softmax(model(torch.tensor([whole])).logits[0].double(), dim=-1)
            places = range(start, len(whole))
            rows.append(
                {
                    "context": group["context"],
                    "text": f" {choice}",
                    "logprob": round(sum(float(found[at - 1, whole[at]]) for at in places), 6),
                    "tokens": len(places),
                    "greedy": all(int(found[at - 1].argmax()) == whole[at] for at in places),
                }
            )
    how = (
        f"{Path(path).name}, every tensor in float32, transformers {transformers.__version__}, "
        f"torch {torch.__version__}, scripts/likelihood_reference.py"
    )
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    Path(target).write_text(f'{{"how": {json.dumps(how)},\n"rows": [\n{lines}\n]}}\n')


def common(first: list[int], second: list[int]) -> int:
    """Return how many ids two lists have in common at the beginning."""
    size = min(len(first), len(second))
    return next((at for at in range(size) if first[at] != second[at]), size)


def tokenize(server: str, key: str, text: str) -> list[int]:
    """Return the ids that the server itself gives a text."""
    body = json.dumps({"content": text, "add_special": True}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{server}/tokenize", body, headers)  # noqa: S310  the caller's own server
    with urllib.request.urlopen(request) as answer:  # noqa: S310  see above
        return json.load(answer)["tokens"]


def build(reader: Any) -> Any:
    """Return transformers' model with the file's tensors, in float32."""
    import torch
    from gguf import dequantize

    kind = reader.fields["general.architecture"].contents()
    model = empty_model(kind, reader)
    heads = {"attn_q": number(reader, kind, "attention.head_count")}
    heads["attn_k"] = number(reader, kind, "attention.head_count_kv")
    state = {}
    for tensor in reader.tensors:
        data = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy()).float()
        part = tensor.name.split(".")[-2]
        if kind == "llama" and part in heads:
            # The file holds these rows in another order, for another way to turn positions.
            rows = data.reshape(heads[part], data.shape[0] // heads[part] // 2, 2, -1)
            data = rows.swapaxes(1, 2).reshape(data.shape)
        if kind == "gemma3" and tensor.name.endswith("norm.weight"):
            data = data - 1  # the file holds 1 + weight, transformers adds the 1 itself
        state[f"{place(kind, tensor.name)}.weight"] = data
    state.setdefault("lm_head.weight", state["model.embed_tokens.weight"])
    model.load_state_dict(state, strict=True)
    return model.eval()


def place(kind: str, name: str) -> str:
    """Return where a tensor of the file stands in transformers' model."""
    parts = name.removesuffix(".weight").split(".")
    if parts[0] != "blk":
        return f"model.{TOP[parts[0]]}"
    names = LAYER | {"ffn_norm": FFN_NORM[kind]} | (GEMMA_ONLY if kind == "gemma3" else {})
    return f"model.layers.{parts[1]}.{names[parts[2]]}"


def number(reader: Any, kind: str, name: str) -> Any:
    """Return a number of the file's own description."""
    return reader.fields[f"{kind}.{name}"].contents()


def empty_model(kind: str, reader: Any) -> Any:
    """Return a model of the file's sizes."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM

    sizes = {
        "vocab_size": int(next(t.shape[1] for t in reader.tensors if t.name == "token_embd.weight")),
        "hidden_size": number(reader, kind, "embedding_length"),
        "num_hidden_layers": number(reader, kind, "block_count"),
        "intermediate_size": number(reader, kind, "feed_forward_length"),
        "num_attention_heads": number(reader, kind, "attention.head_count"),
        "num_key_value_heads": number(reader, kind, "attention.head_count_kv"),
        "rms_norm_eps": number(reader, kind, "attention.layer_norm_rms_epsilon"),
        "max_position_embeddings": number(reader, kind, "context_length"),
        "tie_word_embeddings": True,
    }
    rope = {"rope_type": "default", "rope_theta": number(reader, kind, "rope.freq_base")}
    if kind == "llama":
        return LlamaForCausalLM(LlamaConfig(**sizes, rope_parameters=rope))
    sizes |= {
        "head_dim": number(reader, kind, "attention.key_length"),
        "query_pre_attn_scalar": number(reader, kind, "attention.key_length"),
        "sliding_window": number(reader, kind, "attention.sliding_window"),
        "layer_types": [
            "full_attention" if layer % 6 == 5 else "sliding_attention"
            for layer in range(sizes["num_hidden_layers"])
        ],
    }
    local = {"rope_type": "default", "rope_theta": 10_000.0}
    both = {"full_attention": rope, "sliding_attention": local}
    return Gemma3ForCausalLM(Gemma3TextConfig(**sizes, rope_parameters=both))


if __name__ == "__main__":
    main(*sys.argv[1:])
