"""TLS over a socket that we read ourselves, so that arrival stamps survive decryption."""

import ssl

from bakeoff.errors import WireError

_CHUNK = 1 << 16


class Tls:
    """One TLS session: ciphertext in, plaintext out; never touches a socket."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def handshake(self, received: bytes) -> tuple[bool, bytes]:
        """Feed ciphertext; return whether the handshake is done and what must be sent.

        Raises:
            WireError: the peer's certificate is not trusted, or it does not speak TLS.
        """
        if received:
            self._incoming.write(received)
        done = True
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            done = False
        except ssl.SSLCertVerificationError as error:
            raise WireError(
                "tls",
                f"the certificate is not trusted: {error.verify_message}",
                hint="add the authority's file with SSL_CERT_FILE; verification is never switched off",
            ) from error
        except ssl.SSLError as error:
            raise WireError("tls", f"TLS failed: {error.reason or error}") from error
        return done, self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """Return the ciphertext of `data`."""
        self._session.write(data)
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> tuple[bytes, bool]:
        """Return the plaintext so far and whether the peer ended the session."""
        self._incoming.write(data)
        parts: list[bytes] = []
        ended = False
        try:
            while part := self._session.read(_CHUNK):
                parts.append(part)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        return b"".join(parts), ended

    def pending(self) -> bytes:
        """Return ciphertext that the session itself wants to send (key updates, alerts)."""
        return self._outgoing.read() if self._outgoing.pending else b""
