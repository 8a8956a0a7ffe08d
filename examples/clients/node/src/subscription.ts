import { createRegistry, isMessage } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";

import { Backoff } from "./backoff.js";
import type { Foldlog } from "./connection.js";
import { file_foldlog_orders_v1_events, OrderCreatedSchema } from "./gen/foldlog/orders/v1/events_pb.js";
import type { RecordedEvent } from "./gen/foldlog/v1/events_pb.js";

// The messages that an event's google.protobuf.Any can contain.
const registry = createRegistry(file_foldlog_orders_v1_events);

// docs:begin resume
/** Events of orders after the token's, in batches: each once and in order, through lost connections. */
export async function* subscribe({ events }: Foldlog, afterToken: string): AsyncGenerator<RecordedEvent[]> {
  const backoff = new Backoff();
  let token = afterToken;
  for (;;) {
    try {
      const start = { case: "afterToken" as const, value: token };
      for await (const seen of events.subscribe({ start, filter: { categories: ["order"] } })) {
        if (seen.message.case === "events") {
          yield seen.message.value.events;
        }
        token = seen.token; // the caller asks for the next batch only after handling this one
        backoff.reset();
      }
      await backoff.pause(); // the server ended the stream
    } catch (failure) {
      await backoff.after(failure);
    }
  }
}
// docs:end resume

/** Prints events until so many orders of the customer were created. Returns the number of events. */
export async function printEvents(
  foldlog: Foldlog,
  afterToken: string,
  customerId: string,
  orders: number,
): Promise<number> {
  let events = 0;
  let created = 0;
  for await (const batch of subscribe(foldlog, afterToken)) {
    for (const event of batch) {
      console.log(`event ${event.position} ${event.stream} ${event.type}`);
      const payload = event.payload && anyUnpack(event.payload, registry);
      if (payload && isMessage(payload, OrderCreatedSchema) && payload.customerId === customerId) {
        created++;
      }
    }
    events += batch.length;
    if (created >= orders) break;
  }
  return events;
}
