"""Take secrets out of everything that is written."""

import json

MARK = b"[redacted]"
_SHORTEST = 6


class Redactor:
    """Replace known secrets in bytes, in plain and in JSON-escaped form.

    A secret shorter than six characters would also hit ordinary text and is left to the caller's care.
    """

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._forms: tuple[bytes, ...] = ()
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Take one more secret out from now on."""
        if len(secret) < _SHORTEST:
            return
        plain = json.dumps(secret, ensure_ascii=False)[1:-1]
        forms = {*self._forms, secret.encode(), json.dumps(secret)[1:-1].encode(), plain.encode()}
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def __call__(self, data: bytes) -> bytes:
        """Return `data` without any secret."""
        for form in self._forms:
            if form in data:
                data = data.replace(form, MARK)
        return data
