import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";

import { ErrorInfoSchema, RetryInfoSchema, type ErrorInfo } from "./gen/google/rpc/error_details_pb.js";

// docs:begin refusal
/** Why the server refused a call. Undefined if the error is not the server's, as when the connection was lost. */
export function refusalOf(error: ConnectError): ErrorInfo | undefined {
  return error.findDetails(ErrorInfoSchema)[0];
}

/** Whether this is the given refusal: both texts are those of the catalogue, docs/errors.md. */
export function isRefusal(error: ConnectError, domain: string, reason: string): boolean {
  const refusal = refusalOf(error);
  return refusal?.domain === domain && refusal.reason === reason;
}
// docs:end refusal

/** What went wrong, in a line for people. */
export function errorText(failure: unknown): string {
  const error = ConnectError.from(failure);
  const refusal = refusalOf(error);
  return refusal ? `${refusal.domain} ${refusal.reason}: ${error.rawMessage}` : error.message;
}

// docs:begin retry
/**
 * Whether the connection was lost, or could not be made. Connect reports UNAVAILABLE if none could be made,
 * ABORTED or CANCELED if one broke, although this side did not cancel, and INTERNAL if the server was about
 * to stop. The server's own errors have a reason.
 */
export function isLostConnection(error: ConnectError): boolean {
  const lost = [Code.Unavailable, Code.Aborted, Code.Canceled, Code.Internal];
  return lost.includes(error.code) && refusalOf(error) === undefined;
}

/** How many milliseconds to wait at least before a retry; undefined if a retry would not help. */
export function leastPause(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (delay !== undefined) {
    return durationMs(delay);
  }
  const passing = // the server's own errors have a RetryInfo if a retry helps
    isLostConnection(error) ||
    error.code === Code.DeadlineExceeded ||
    isRefusal(error, "foldlog.v1", "CONTENDED");
  return passing ? 0 : undefined;
}
// docs:end retry
