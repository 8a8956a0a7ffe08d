package example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.Optional;

/** Reads what a failed call says. */
final class Refusals {
  private Refusals() {}

  // docs:begin refusal
  /** Why the server refused a call. Empty if the error is not the server's, as when the connection was lost. */
  static Optional<ErrorInfo> refusal(StatusRuntimeException failure) {
    return detail(failure, ErrorInfo.class);
  }

  /** Whether this is the given refusal: both texts are those of the catalogue, docs/errors.md. */
  static boolean isRefusal(StatusRuntimeException failure, String domain, String reason) {
    return refusal(failure)
        .filter(info -> info.getDomain().equals(domain) && info.getReason().equals(reason))
        .isPresent();
  }

  private static <T extends Message> Optional<T> detail(StatusRuntimeException failure, Class<T> type) {
    try {
      for (Any detail : StatusProto.fromThrowable(failure).getDetailsList()) {
        if (detail.is(type)) {
          return Optional.of(detail.unpack(type));
        }
      }
      return Optional.empty();
    } catch (InvalidProtocolBufferException damaged) {
      throw new IllegalArgumentException("The details of the status are damaged.", damaged);
    }
  }

  // docs:end refusal

  /** What went wrong, for people. */
  static String describe(StatusRuntimeException failure) {
    String description = failure.getStatus().getDescription();
    return refusal(failure)
        .map(info -> info.getDomain() + " " + info.getReason() + ": " + description)
        .orElse(failure.getMessage());
  }

  // docs:begin retry
  /** How long to wait at least before a retry. Empty if a retry would not help. */
  static Optional<Duration> leastPause(StatusRuntimeException failure) {
    Optional<RetryInfo> asked = detail(failure, RetryInfo.class);
    if (asked.isPresent()) {
      var delay = asked.get().getRetryDelay();
      return Optional.of(Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
    }
    boolean passes =
        switch (failure.getStatus().getCode()) {
          case DEADLINE_EXCEEDED -> true;
          // Cancelled by a server that stops: this side cancels only calls that it no longer waits for.
          case CANCELLED -> refusal(failure).isEmpty();
          // Not VERSION_CONFLICT: that needs another decision, not another attempt.
          case ABORTED -> isRefusal(failure, "foldlog.v1", "CONTENDED");
          // The server's own errors have a RetryInfo if a retry helps.
          default -> isLostConnection(failure);
        };
    return passes ? Optional.of(Duration.ZERO) : Optional.empty();
  }

  /**
   * Whether the connection was lost. That is UNAVAILABLE, or UNKNOWN ("channel closed") if it was lost just
   * as the call began. The server's own errors have a reason.
   */
  static boolean isLostConnection(StatusRuntimeException failure) {
    Status.Code code = failure.getStatus().getCode();
    return (code == Status.Code.UNAVAILABLE || code == Status.Code.UNKNOWN) && refusal(failure).isEmpty();
  }

  // docs:end retry
}
