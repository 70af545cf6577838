"""Pages of `/metrics`, as llama.cpp and vLLM write them; of vLLM's only what is read."""

LLAMA = """\
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 36
# TYPE llamacpp:prompt_tokens_cached_total counter
llamacpp:prompt_tokens_cached_total 4
# TYPE llamacpp:prompt_seconds_total counter
llamacpp:prompt_seconds_total 0.213626
# TYPE llamacpp:tokens_predicted_total counter
llamacpp:tokens_predicted_total 25
# TYPE llamacpp:tokens_predicted_seconds_total counter
llamacpp:tokens_predicted_seconds_total 0.286329
# TYPE llamacpp:n_decode_total counter
llamacpp:n_decode_total 20
# TYPE llamacpp:spec_decode_num_draft_tokens_total counter
llamacpp:spec_decode_num_draft_tokens_total 0
# TYPE llamacpp:prompt_tokens_seconds gauge
llamacpp:prompt_tokens_seconds 168.519
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 3
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 2
# TYPE llamacpp:n_busy_slots_per_decode gauge
llamacpp:n_busy_slots_per_decode 1.5
"""


def vllm(
    *, running: float = 2, usage: float = 0.25, tokens: float = 100, slow: float = 0, model: str = "m"
) -> str:
    """Return a page of two engines for `model`, and of another model that must not count."""
    engines = [f'{{engine="{n}",model_name="{model}"}}' for n in (0, 1)]
    other = '{engine="0",model_name="other"}'
    lines = ["# HELP vllm:num_requests_running Number of requests in model execution batches."]
    for labels, scale in ((engines[0], 1.0), (engines[1], 0.5), (other, 1000.0)):
        inner = labels[1:-1]
        lines += [
            f"vllm:num_requests_running{labels} {running * scale}",
            f"vllm:num_requests_waiting{labels} 0.0",
            f"vllm:kv_cache_usage_perc{labels} {usage * scale}",
            f"vllm:gpu_cache_usage_perc{labels} 0.99",
            f"vllm:generation_tokens_total{labels} {tokens * scale}",
            f"vllm:num_preemptions_total{labels} 1.0",
            f'vllm:request_success_total{{{inner},finished_reason="stop"}} 3.0',
            f'vllm:request_success_total{{{inner},finished_reason="length"}} 1.0',
            f'vllm:time_to_first_token_seconds_bucket{{{inner},le="0.1"}} 4.0',
            f'vllm:time_to_first_token_seconds_bucket{{{inner},le="0.5"}} {4.0 + slow}',
            f'vllm:time_to_first_token_seconds_bucket{{{inner},le="+Inf"}} {4.0 + slow}',
            f"vllm:time_to_first_token_seconds_sum{labels} {0.2 + 0.3 * slow}",
            f"vllm:time_to_first_token_seconds_count{labels} {4.0 + slow}",
        ]
    return "\n".join(lines) + "\n"
