package example;

import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Iterator;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** Retries calls whose failure can pass, and counts the lost connections among the failures. */
final class Retries {
  private final AtomicInteger lostConnections = new AtomicInteger();

  int lostConnections() {
    return lostConnections.get();
  }

  /** The answer of a call, with as many attempts as can help. */
  <T> T call(Supplier<T> call) throws InterruptedException {
    return persistently(backoff -> call.get());
  }

  /**
   * Handles the messages of a stream until there are enough of them. After a lost connection it is opened
   * again: {@code open} asks for what follows the messages handled so far.
   */
  <T> void follow(Supplier<Iterator<T>> open, Consumer<T> handle, BooleanSupplier enough)
      throws InterruptedException {
    persistently(
        backoff -> {
          // Closing the context ends a stream that is left before its end.
          try (CancellableContext context = Context.current().withCancellation()) {
            context.run(() -> read(open.get(), handle.andThen(message -> backoff.reset()), enough));
          }
          return null;
        });
  }

  private static <T> void read(Iterator<T> messages, Consumer<T> handle, BooleanSupplier enough) {
    while (!enough.getAsBoolean()) {
      if (!messages.hasNext()) {
        throw Status.UNAVAILABLE.withDescription("The server ended the stream.").asRuntimeException();
      }
      handle.accept(messages.next());
    }
  }

  private <T> T persistently(Function<Backoff, T> attempt) throws InterruptedException {
    var backoff = new Backoff();
    while (true) {
      try {
        return attempt.apply(backoff);
      } catch (StatusRuntimeException failure) {
        if (Refusals.isLostConnection(failure)) {
          lostConnections.incrementAndGet();
        }
        backoff.after(failure);
      }
    }
  }
}
