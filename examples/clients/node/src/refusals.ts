import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";

import { ErrorInfoSchema, RetryInfoSchema, type ErrorInfo } from "./gen/google/rpc/error_details_pb.js";

// docs:begin refusal
/** Why the server refused a call. Undefined if the server did not speak, as when the connection was lost. */
export function refusalOf(error: ConnectError): ErrorInfo | undefined {
  return error.findDetails(ErrorInfoSchema)[0];
}

/** Whether this is the refusal meant: both texts are those of the catalogue, docs/errors.md. */
export function isRefusal(error: ConnectError, domain: string, reason: string): boolean {
  const refusal = refusalOf(error);
  return refusal?.domain === domain && refusal.reason === reason;
}
// docs:end refusal

/** What went wrong, in a line for people. */
export function told(failure: unknown): string {
  const error = ConnectError.from(failure);
  const refusal = refusalOf(error);
  return refusal ? `${refusal.domain} ${refusal.reason}: ${error.rawMessage}` : error.message;
}

// docs:begin retry
/**
 * Whether the connection was lost, or none was to be had. Connect says UNAVAILABLE where none could be made,
 * ABORTED or CANCELED where one broke, though nobody here cancelled, and INTERNAL where the server was about to
 * leave. An error of the server's own has a reason.
 */
export function isLostConnection(error: ConnectError): boolean {
  const lost = [Code.Unavailable, Code.Aborted, Code.Canceled, Code.Internal];
  return lost.includes(error.code) && refusalOf(error) === undefined;
}

/** How many milliseconds to wait at least before the same call again; undefined if that would not help. */
export function leastPause(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (delay !== undefined) {
    return durationMs(delay);
  }
  const passing = // a server that speaks says by RetryInfo whether trying again helps
    isLostConnection(error) ||
    error.code === Code.DeadlineExceeded ||
    isRefusal(error, "foldlog.v1", "CONTENDED");
  return passing ? 0 : undefined;
}
// docs:end retry
