import { createClient, type Client } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import { CommandService } from "./gen/foldlog/orders/v1/command_service_pb.js";
import { QueryService } from "./gen/foldlog/orders/v1/query_service_pb.js";
import { EventService } from "./gen/foldlog/v1/event_service_pb.js";
import { RequestService } from "./gen/foldlog/v1/request_service_pb.js";

/** A server's services, over one connection, which is made with the first call and again when it was lost. */
export interface Foldlog {
  commands: Client<typeof CommandService>;
  queries: Client<typeof QueryService>;
  events: Client<typeof EventService>;
  requests: Client<typeof RequestService>;
  close(): void;
}

// docs:begin connect
export function connect(address: string): Foldlog {
  const baseUrl = `http://${address}`;
  // While calls are open, such as a subscription, pings detect a peer that has vanished.
  const sessionManager = new Http2SessionManager(baseUrl, { pingIntervalMs: 20_000, pingTimeoutMs: 10_000 });
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  return {
    commands: createClient(CommandService, transport),
    queries: createClient(QueryService, transport),
    events: createClient(EventService, transport),
    requests: createClient(RequestService, transport),
    // An idle connection would keep the process alive for 15 minutes.
    close: () => sessionManager.abort(),
  };
}
// docs:end connect
