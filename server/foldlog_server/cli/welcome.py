"""Commands to try first, which work as pasted."""

from shlex import quote

from foldlog_server.transport.unix_socket import path_of

_TEXT = """
Try it in another terminal, in this directory:

grpcurl -plaintext -d '{{"command": {{"customer_id": "ada", "currency_code": "GBP", "lines": [
  {{"product_id": "tea", "quantity": 2, "unit_price": {{"currency_code": "GBP", "units": 3}}}}]}}}}' \\
  {at} foldlog.orders.v1.CommandService/CreateOrder

.venv/bin/python - <<'END'
import asyncio, foldlog_client

async def main():
    async with foldlog_client.connect("{address}") as client:
        created = await client.orders.create_order(customer_id="ada", currency_code="GBP")
        print((await client.orders.get_order(order_id=created.order.order_id)).order)

asyncio.run(main())
END

.venv/bin/foldlog events tail --after 0 --address {quoted}
"""


def text(address: str) -> str:
    """The commands, for a server at this address."""
    return _TEXT.format(address=address, quoted=quote(address), at=_for_grpcurl(address))


def _for_grpcurl(address: str) -> str:
    """The address as grpcurl takes it: a Unix socket by a flag, an abstract one with an @."""
    if path := path_of(address):
        return f"-unix {quote(str(path))}"
    scheme, _, name = address.partition(":")
    return f"-unix {quote('@' + name)}" if scheme == "unix-abstract" else address
