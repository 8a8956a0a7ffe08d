package example;

import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

// docs:begin backoff
/**
 * Pauses between attempts: each twice as long as the one before, by chance a little less, 2 seconds at most.
 * After a minute without progress there is no other attempt.
 */
final class Backoff {
  private static final long SHORTEST_MILLIS = 50;
  private static final long LONGEST_MILLIS = 2_000;

  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private long nextMillis = SHORTEST_MILLIS;
  private long progressNanos = System.nanoTime();

  /** Begins anew, after progress. */
  void reset() {
    nextMillis = SHORTEST_MILLIS;
    progressNanos = System.nanoTime();
  }

  /** Waits until the next attempt. Throws the failure again if another attempt would not help. */
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
