package example;

import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

// docs:begin backoff
/**
 * Pauses between attempts: each twice as long as the one before, minus a random part, at most 2 seconds.
 * After a minute without progress there is no other attempt.
 */
final class Backoff {
  private static final long SHORTEST_MILLIS = 50;
  private static final long LONGEST_MILLIS = 2_000;

  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private long nextMillis = SHORTEST_MILLIS;
  private long progressNanos = System.nanoTime();

  /** Starts again with short pauses, after progress. */
  void reset() {
    nextMillis = SHORTEST_MILLIS;
    progressNanos = System.nanoTime();
  }

  /** Waits until the next attempt. Throws the failure if a retry would not help. */
  void after(StatusRuntimeException failure) throws InterruptedException {
    Duration atLeast = Refusals.leastPause(failure).orElseThrow(() -> failure);
    if (System.nanoTime() - progressNanos > PATIENCE.toNanos()) {
      throw failure;
    }
    long pause = ThreadLocalRandom.current().nextLong(nextMillis / 2, nextMillis);
    nextMillis = Math.min(2 * nextMillis, LONGEST_MILLIS);
    Thread.sleep(Math.max(pause, atLeast.toMillis()));
  }
}
// docs:end backoff
