// Writes orders to a Foldlog server, and receives them by a subscription and by a watch, through lost
// connections.
//
//   make third-party                          in the project's root: the protos of error details
//   npm ci && npm run build
//   node dist/main.js [ADDRESS [ORDERS]]      127.0.0.1:50051 and 20
import { randomUUID } from "node:crypto";

import { lost } from "./backoff.js";
import { connect, type Foldlog } from "./connection.js";
import { beRefused, createOrder, outcomeOf, readOrder, writeOrders, type Created } from "./orders.js";
import { errorText } from "./refusals.js";
import { printEvents } from "./subscription.js";
import { ordersOnceThereAre } from "./watch.js";

const [address = "127.0.0.1:50051", orders = "20"] = process.argv.slice(2);
if (!/^\d+$/.test(orders)) {
  console.error(`ORDERS is ${orders}; expected a number: node dist/main.js [ADDRESS [ORDERS]]`);
  process.exit(1);
}
const foldlog = connect(address);
try {
  const customerId = `node-${randomUUID()}`;
  const first = await tryOneOrder(foldlog, customerId);
  await writeAndFollow(foldlog, customerId, first.result.token, Number(orders));
} catch (failure) {
  console.error(errorText(failure));
  process.exit(1); // what runs concurrently would not end by itself
}
foldlog.close();

/** One empty order: creates it, reads it, is refused, repeats, and asks for the outcome. */
async function tryOneOrder(foldlog: Foldlog, customerId: string): Promise<Created> {
  const command = { customerId, currencyCode: "GBP" };
  const requestId = randomUUID();
  const created = await createOrder(foldlog, command, requestId);
  const { orderId } = created.order;
  console.log(`created ${orderId} at position ${created.result.position}`);

  const read = await readOrder(foldlog, orderId, created.result.token);
  console.log(`read ${orderId} at version ${read.version}`);

  console.log(`refused: ${await beRefused(foldlog, orderId)}`);

  const { result } = await createOrder(foldlog, command, requestId);
  console.log(`repeated: replayed=${result.replayed} at position ${result.position}`);

  const outcome = await outcomeOf(foldlog, requestId);
  const became = outcome ? `${outcome.stream} at position ${outcome.position}` : "not implemented by this server";
  console.log(`outcome: ${became}`);

  const latest = await readOrder(foldlog, orderId);
  console.log(`latest: ${orderId} at version ${latest.version}`);
  return created;
}

/** Writes so many orders, while a subscription and a watch follow them, and prints what they received. */
async function writeAndFollow(
  foldlog: Foldlog,
  customerId: string,
  token: string,
  count: number,
): Promise<void> {
  const [events, watched] = await Promise.all([
    printEvents(foldlog, token, customerId, count),
    ordersOnceThereAre(foldlog, customerId, count + 1),
    writeOrders(foldlog, customerId, count),
  ]);
  for (const [orderId, items] of [...watched].sort(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(`order ${orderId} ${items}`);
  }
  console.log(`done: ${count} orders written, ${events} events, ${lost.connections} lost connections`);
}
