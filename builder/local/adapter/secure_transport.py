"""Requests count as sent over TLS, which the loopback has no need of: else every TLS-only bucket would refuse them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-securetransport
"""

from builder.local.asgi import App, Receive, Scope, Send

# What a proxy that ends TLS says to the server behind it; the emulator reads aws:SecureTransport from it.
_HEADER = (b"x-forwarded-proto", b"https")


def wrap(app: App) -> App:
    """Return the application, told of every request that it came over TLS."""

    async def secured(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], _HEADER]}
        await app(scope, receive, send)

    return secured
