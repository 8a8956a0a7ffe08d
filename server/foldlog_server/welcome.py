"""What to try first: lines that work as pasted."""

_TEXT = """
Try it in another terminal, in this directory:

grpcurl -plaintext -d '{{"command": {{"customer_id": "ada", "currency_code": "GBP", "lines": [
  {{"product_id": "tea", "quantity": 2, "unit_price": {{"currency_code": "GBP", "units": 3}}}}]}}}}' \\
  {address} foldlog.orders.v1.CommandService/CreateOrder

.venv/bin/python - <<'END'
import asyncio, foldlog_client

async def main():
    async with foldlog_client.connect("{address}") as client:
        created = await client.orders.create_order(customer_id="ada", currency_code="GBP")
        print((await client.orders.get_order(order_id=created.order.order_id)).order)

asyncio.run(main())
END

.venv/bin/foldlog events tail --after 0 --address {address}
"""


def text(address: str) -> str:
    """The lines, for a server at this address."""
    return _TEXT.format(address=address)
