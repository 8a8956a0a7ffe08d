import { randomUUID } from "node:crypto";

import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import { persistently } from "./backoff.js";
import type { Foldlog } from "./connection.js";
import type { CreateOrderSchema } from "./gen/foldlog/orders/v1/commands_pb.js";
import type { Order } from "./gen/foldlog/orders/v1/types_pb.js";
import type { CommandResult } from "./gen/foldlog/v1/commands_pb.js";
import { isRefusal, refusalOf } from "./refusals.js";

/** How long an attempt may take, in milliseconds. */
const timeoutMs = 5_000;

export interface Created {
  order: Order;
  result: CommandResult;
}

// docs:begin command
/**
 * Creates one order, whatever the number of attempts: all of them have the same request id. A UUID of version
 * 4 works; one of version 7, which the package uuid makes, keeps a busy server faster.
 */
export async function createOrder(
  { commands }: Foldlog,
  command: MessageInitShape<typeof CreateOrderSchema>,
  requestId: string = randomUUID(),
): Promise<Created> {
  const { order, result } = await persistently(() =>
    commands.createOrder({ command, options: { requestId } }, { timeoutMs }),
  );
  return { order: order!, result: result! };
}
// docs:end command

/** The order at the token's position or later; without a token, with everything acknowledged so far. */
export async function readOrder(
  { queries }: Foldlog,
  orderId: string,
  minPositionToken?: string,
): Promise<Order> {
  const options = minPositionToken === undefined ? { latest: true } : { minPositionToken };
  const { order } = await persistently(() => queries.getOrder({ orderId, options }, { timeoutMs }));
  return order!;
}

/** Why the empty order cannot be submitted, as text. */
export async function beRefused({ commands }: Foldlog, orderId: string): Promise<string> {
  const submit = { command: { orderId }, options: { requestId: randomUUID() } };
  try {
    await persistently(() => commands.submitOrder(submit, { timeoutMs }));
  } catch (failure) {
    const error = ConnectError.from(failure);
    const refusal = refusalOf(error);
    if (refusal === undefined || !isRefusal(error, "foldlog.orders.v1", "ORDER_EMPTY")) {
      throw failure;
    }
    return `${refusal.domain} ${refusal.reason} ${JSON.stringify(refusal.metadata)}`;
  }
  throw new Error("an empty order was submitted; expected a refusal");
}

// docs:begin outcome
/** The outcome of a command, by its request id. Undefined if the server is too old to have this method. */
export async function outcomeOf(
  { requests }: Foldlog,
  requestId: string,
): Promise<CommandResult | undefined> {
  try {
    const { result } = await persistently(() => requests.getOutcome({ requestId }, { timeoutMs }));
    return result;
  } catch (failure) {
    if (ConnectError.from(failure).code === Code.Unimplemented) {
      return undefined;
    }
    throw failure;
  }
}
// docs:end outcome

/** Writes so many orders of two units of tea, each durable before the next starts. */
export async function writeOrders(foldlog: Foldlog, customerId: string, count: number): Promise<void> {
  const unitPrice = { currencyCode: "GBP", units: 3n }; // 64-bit numbers are bigint: 3n, not 3
  for (let written = 0; written < count; written++) {
    const lines = [{ productId: "tea", quantity: 2, unitPrice }];
    await createOrder(foldlog, { customerId, currencyCode: "GBP", lines });
  }
}
