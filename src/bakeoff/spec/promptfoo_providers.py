"""The providers of a promptfoo configuration as models: those that speak OpenAI's protocol, no others."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec
import yaml

from bakeoff.errors import SpecError
from bakeoff.spec.foreign import literal, plain
from bakeoff.spec.tree import Leaf, Map, Node, Seq, describe, is_null, leaf, shown, text_leaf

_OPENAI = "https://api.openai.com/v1"
_HOSTS = {
    "cerebras": ("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "deepseek": ("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "groq": ("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "openrouter": ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "togetherai": ("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
}
"""Services that promptfoo asks by the OpenAI protocol: address and the variable with the key."""

_NOT_TEXT = {
    "agents", "agents-api", "assistant", "chatkit", "codex", "codex-app-server", "codex-desktop", "codex-sdk",
    "codex-security", "embedding", "embeddings", "image", "live", "moderation", "realtime", "responses",
    "speech", "transcription", "tts", "video",
}  # fmt: skip
_PARAMS = (
    "temperature", "max_tokens", "max_completion_tokens", "top_p", "seed", "stop", "presence_penalty",
    "frequency_penalty", "response_format", "tools", "tool_choice", "functions", "function_call",
    "reasoning_effort", "reasoning", "service_tier", "user", "verbosity", "best_of", "modalities",
)  # fmt: skip
_PLACES = ("apiBaseUrl", "apiHost", "apiKey", "apiKeyEnvar", "headers", "organization", "passthrough", "url")
_IGNORED = ("cost", "inputCost", "outputCost", "apiKeyRequired", "showThinking", "maxRetries", "omitDefaults")
_HTTP = ("body", "method", "model", "transformResponse")
_BODY = ("messages", "model", "prompt", "stream")
_ENV = re.compile(r"\{\{-?\s*env\.([A-Za-z_]\w*)\s*-?\}\}|\{\{-?\s*env\[['\"]([A-Za-z_]\w*)['\"]\]\s*-?\}\}")
_REASONING = re.compile(r"(?:[\w.-]+/)?(?:o[1-9]|gpt-[5-9])")
"""Models that promptfoo sends neither `temperature` nor `max_tokens`, because their service refuses them."""

_MAX_TOKENS = 1024
"""promptfoo asks for this many where nothing else is said."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider as a model of ours.

    Attributes:
        model: the entry of `models`.
        completion: it speaks the completion protocol.
        prompts: the labels of the prompts that it is asked, None for all.
    """

    name: str
    model: Map
    completion: bool
    place: str
    prompts: tuple[str, ...] | None = None


class Providers:
    """Read the providers of a configuration.

    Args:
        base: where the paths of files start.
        env: the configuration's own variables.

    Attributes:
        errors: what is not available here.
    """

    def __init__(self, base: Path, env: Map | None) -> None:
        self.base = base
        self.env = env
        self.errors: list[SpecError] = []

    def read(self, node: Node | None) -> list[Provider]:
        """Return the providers in order, under names that differ; one that is refused is left out."""
        items = node.items if isinstance(node, Seq) else (node,) if node is not None else ()
        found: list[Provider] = []
        for item in items:
            for label, options in self._entries(item):
                made = self._made(label, options)
                if made is not None:
                    found.append(_apart(made, {other.name for other in found}))
        return found

    def _add(self, place: str, message: str, hint: str = "") -> None:
        self.errors.append(SpecError(f"providers: {message}", where=place, hint=hint))

    def _entries(self, item: Node) -> Iterator[tuple[Leaf, Map]]:
        """Yield the id and the options of each provider that an entry stands for."""
        if isinstance(item, Leaf) and item.text.startswith("file://"):
            yield from self._of_file(item)
        elif isinstance(item, Leaf) and item.text:
            yield item, Map(entries={}, place=item.place)
        elif isinstance(item, Map) and isinstance(label := item.entries.get("id"), Leaf):
            if label.text.startswith("file://"):
                yield from self._of_file(label)
            else:
                yield label, item
        elif isinstance(item, Map) and len(item.entries) == 1:
            ((name, options),) = item.entries.items()
            place = item.key_place(name)
            yield (
                text_leaf(name, place),
                options if isinstance(options, Map) else Map(entries={}, place=place),
            )
        else:
            self._add(item.place, f"a provider is an id or a mapping with `id`, not {describe(item)}")

    def _of_file(self, name: Leaf) -> Iterator[tuple[Leaf, Map]]:
        path = self.base / name.text.removeprefix("file://")
        if path.suffix not in {".yaml", ".yml", ".json"}:
            self._add(name.place, f"the provider `{shown(name.text)}` is a program", _hint())
            return
        try:
            value = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            reason = getattr(error, "strerror", None) or "it is no YAML"
            self._add(name.place, f"the file `{shown(name.text)}` cannot be read: {reason}")
            return
        for each in cast("list[object]", value) if isinstance(value, list) else [value]:
            yield from self._entries(literal(each, name.place))

    def _made(self, name: Leaf, options: Map) -> Provider | None:
        for key in ("transform", "delay", "function", "inputs"):
            if key in options.entries and not is_null(options.entries[key]):
                self._add(options.key_place(key), f"`{key}` of a provider is not available here", "remove it")
        config = options.entries.get("config")
        config = config if isinstance(config, Map) else Map(entries={}, place=name.place)
        parts = name.text.split(":")
        kind = parts[1] if len(parts) > 1 else ""
        address = self._address(name, config)
        if address is None:
            return None
        url, secret, model = address
        completion = parts[0] == "openai" and kind == "completion"
        known = (*_PARAMS, *_PLACES, *_IGNORED, *(_HTTP if parts[0] in {"http", "https"} else ()))
        for other in config.entries:
            if other not in known:
                self._add(
                    config.key_place(other),
                    f"`{other}` of a provider's config is not available here",
                    "remove it",
                )
        entries: dict[str, Node] = {
            "endpoint": url,
            "model": text_leaf(model, name.place),
            "api_key": secret,
            "params": self._params(config, model),
        }
        if completion:
            entries["provider"] = text_leaf("openai_completions", name.place)
        if (headers := self._headers(config)) is not None:
            entries["headers"] = headers
        label = options.entries.get("label")
        shown_name = label.text if isinstance(label, Leaf) and label.text else model
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", shown_name)[:60].strip("-._") or "model"
        entries = {"name": text_leaf(slug, name.place), **entries}
        return Provider(
            name=slug,
            model=Map(entries=entries, place=options.place),
            completion=completion,
            place=name.place,
            prompts=_labels(options.entries.get("prompts")),
        )

    def _address(self, name: Leaf, config: Map) -> tuple[Leaf, Leaf, str] | None:
        """Return URL, key and model of a provider, or None after refusing it."""
        service, _, rest = name.text.partition(":")
        if service in {"http", "https"}:
            return self._by_url(name, config)
        kind, _, model = rest.partition(":")
        if service == "openai" and (kind in _NOT_TEXT or not rest):
            self._add(name.place, f"the provider `{shown(name.text)}` is not available here", _hint())
            return None
        if service == "openai":
            url, variable = _OPENAI, "OPENAI_API_KEY"
            model = model if kind in {"chat", "completion"} else rest
        elif service in _HOSTS:
            url, variable = _HOSTS[service]
            model = rest
        else:
            self._add(name.place, f"the provider `{shown(name.text)}` is not available here", _hint())
            return None
        if not model:
            self._add(
                name.place, f"the provider `{shown(name.text)}` names no model", "such as `openai:chat:MODEL`"
            )
            return None
        given = self._url(config, url, name)
        elsewhere = {"apiHost", "apiBaseUrl"} & set(config.entries)
        return given, self._key(config, variable, name, needed=not elsewhere), model

    def _url(self, config: Map, usual: str, name: Leaf) -> Leaf:
        host, base = config.entries.get("apiHost"), config.entries.get("apiBaseUrl")
        if isinstance(host, Leaf) and host.text:
            return self._filled(msgspec.structs.replace(host, text=f"https://{host.text}/v1"))
        if isinstance(base, Leaf) and base.text:
            return self._filled(base)
        if usual != _OPENAI:
            return text_leaf(usual, name.place)
        own = self.env.entries.get("OPENAI_BASE_URL") if self.env else None
        return own if isinstance(own, Leaf) else text_leaf(f"${{OPENAI_BASE_URL:-{usual}}}", name.place)

    def _by_url(self, name: Leaf, config: Map) -> tuple[Leaf, Leaf, str] | None:
        """Return the parts of a provider that is the URL of an OpenAI-compatible server, or its chat path."""
        url = config.entries.get("url")
        text = url.text if isinstance(url, Leaf) and url.text else name.text
        text = re.sub(r"/(?:chat/)?completions/?$", "", text).rstrip("/")
        body = config.entries.get("body")
        model = body.entries.get("model") if isinstance(body, Map) else config.entries.get("model")
        if not text.startswith(("http://", "https://")) or not isinstance(model, Leaf) or not model.text:
            message = f"the provider `{shown(name.text)}` does not say which model it asks"
            self._add(name.place, message, _hint())
            return None
        self._check_body(config, body)
        address = self._filled(text_leaf(text, name.place))
        return address, self._key(config, "OPENAI_API_KEY", name, needed=False), model.text

    def _check_body(self, config: Map, body: Node | None) -> None:
        """Refuse a body that asks more than the prompt, and answers that are looked for elsewhere."""
        turns = body.entries.get("messages") if isinstance(body, Map) else None
        if turns is not None and plain(turns) != [{"role": "user", "content": "{{prompt}}"}]:
            self._add(
                turns.place,
                "`messages` of a body other than the prompt as the user's turn is not available here",
            )
        found = config.entries.get("transformResponse")
        if isinstance(found, Leaf) and not found.text.endswith("choices[0].message.content"):
            self._add(
                found.place,
                "`transformResponse` other than `json.choices[0].message.content` is not available here",
            )

    def _key(self, config: Map, variable: str, name: Leaf, *, needed: bool) -> Leaf:
        given, named = config.entries.get("apiKey"), config.entries.get("apiKeyEnvar")
        if isinstance(given, Leaf) and given.text:
            return self._filled(given)
        if isinstance(named, Leaf) and named.text:
            return self._filled(text_leaf(f"{{{{env.{named.text}}}}}", named.place))
        if self.env and isinstance(own := self.env.entries.get(variable), Leaf):
            return own
        return text_leaf(f"${{{variable}}}" if needed else f"${{{variable}:-}}", name.place)

    def _filled(self, given: Leaf) -> Leaf:
        """Return a text with `{{env.NAME}}` as `${NAME}`, or as the value that the configuration gives it."""

        def value(found: re.Match[str]) -> str:
            name = found[1] or found[2]
            own = self.env.entries.get(name) if self.env else None
            return own.text if isinstance(own, Leaf) else f"${{{name}}}"

        return text_leaf(_ENV.sub(value, given.text), given.place)

    def _headers(self, config: Map) -> Map | None:
        headers = config.entries.get("headers")
        entries: dict[str, Node] = {}
        if isinstance(headers, Map):
            entries = {
                key: self._filled(each) for key, each in headers.entries.items() if isinstance(each, Leaf)
            }
        organization = config.entries.get("organization")
        if isinstance(organization, Leaf) and organization.text:
            entries["OpenAI-Organization"] = self._filled(organization)
        return Map(entries=entries, place=config.place) if entries else None

    def _params(self, config: Map, model: str) -> Map:
        """Return the sampling parameters; promptfoo's own defaults stand where the configuration has none."""
        entries = {
            key: node
            for key in _PARAMS
            if (node := config.entries.get(key)) is not None and not is_null(node)
        }
        for key, node in entries.items():
            if isinstance(node, Leaf) and node.text.startswith("file://"):
                self._add(
                    node.place,
                    f"`{key}` in a file of its own is not available here",
                    "put it into the configuration",
                )
        further, body = config.entries.get("passthrough"), config.entries.get("body")
        entries |= further.entries if isinstance(further, Map) else {}
        entries |= {k: v for k, v in body.entries.items() if k not in _BODY} if isinstance(body, Map) else {}
        if _REASONING.match(model):
            entries |= dict.fromkeys(
                ("max_tokens", "temperature"), leaf(None, config.place, origin="promptfoo")
            )
        elif "max_completion_tokens" in entries:
            entries["max_tokens"] = leaf(None, config.place)
        else:
            entries.setdefault("max_tokens", leaf(_MAX_TOKENS, config.place, origin="promptfoo"))
        entries.setdefault("temperature", leaf(0, config.place, origin="promptfoo"))
        return Map(entries=entries, place=config.place)


def _hint() -> str:
    return (
        "any OpenAI-compatible server works as `{id: openai:chat:MODEL, config: {apiBaseUrl: http://…/v1}}`"
    )


def _labels(node: Node | None) -> tuple[str, ...] | None:
    if isinstance(node, Seq):
        return tuple(item.text for item in node.items if isinstance(item, Leaf))
    return (node.text,) if isinstance(node, Leaf) and node.text else None


def _apart(made: Provider, taken: set[str]) -> Provider:
    """Return the provider under a name that no other has."""
    lowered = {name.lower() for name in taken}
    name, number = made.name, 1
    while name.lower() in lowered:
        number += 1
        name = f"{made.name}-{number}"
    model = made.model.put("name", text_leaf(name, made.place), made.place)
    return msgspec.structs.replace(made, name=name, model=model)
