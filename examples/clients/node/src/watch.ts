import { Backoff } from "./backoff.js";
import type { Foldlog } from "./connection.js";

// docs:begin watch
/** The customer's current orders with their item counts, after each change, through lost connections. */
export async function* watchOrders(
  { queries }: Foldlog,
  customerId: string,
): AsyncGenerator<ReadonlyMap<string, bigint>> {
  const backoff = new Backoff();
  const orders = new Map<string, bigint>();
  let resumeToken = "";
  for (;;) {
    try {
      for await (const change of queries.watchCurrentOrders({ customerId, resumeToken })) {
        if (change.reset) orders.clear();
        for (const order of change.puts) orders.set(order.orderId, order.itemCount);
        for (const orderId of change.gone) orders.delete(orderId);
        resumeToken = change.resumeToken;
        backoff.reset();
        yield orders;
      }
      await backoff.pause(); // the server ended the stream
    } catch (failure) {
      await backoff.after(failure);
    }
  }
}
// docs:end watch

/** Waits until the customer has so many orders, and returns them. */
export async function ordersOnceThereAre(
  foldlog: Foldlog,
  customerId: string,
  count: number,
): Promise<ReadonlyMap<string, bigint>> {
  for await (const orders of watchOrders(foldlog, customerId)) {
    if (orders.size >= count) return orders;
  }
  throw new Error("a watch does not end");
}
